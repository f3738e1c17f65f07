"""One run of a masked language model: settings, token cache, windows, masking, held-out curve, trainer, run."""
