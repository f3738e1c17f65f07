"""One run of a matcher: its settings, examples and batches, frozen states, losses, implied labels, trainer, run."""
