"""Taylor softmax: exact minima of the polynomials, losses on real tasks, the cost of its attention."""

from .study import run_taylor

__all__ = ["run_taylor"]
