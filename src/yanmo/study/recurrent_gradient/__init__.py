"""Gradient flow in recurrent cells: exact Jacobians, distances before training, the adding problem."""

from .study import run_recurrent_gradient

__all__ = ["run_recurrent_gradient"]
