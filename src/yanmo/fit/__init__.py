"""Training: what a batch holds, what an error costs, which parameters learn."""
