"""What every training run shares: its plan, its Trainer, its regularizers, its checkpoints and its folder."""
