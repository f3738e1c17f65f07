"""What every run shares: the life of a run, its plan, Trainer, regularized step, checkpoints, folder and progress."""
