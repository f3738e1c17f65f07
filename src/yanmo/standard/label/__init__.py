"""Which pairs to label next: asked one by one, learned from after every ten, each answer on the disk at once."""
