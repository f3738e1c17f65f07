"""Four studies of training dynamics, each with its tables, figures and JSON, and what they share; chosen by name."""
