"""Studies of training dynamics: each gives a table, figures and a JSON."""
