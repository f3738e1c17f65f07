"""One run of text vectors without labels: settings, views, siamese network, collapse watch, trainer, run."""
