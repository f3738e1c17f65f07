"""Implicit gradient regularization: gradient descent against the modified flows, and what a penalty imitates."""

from .study import run_implicit_gradient

__all__ = ["run_implicit_gradient"]
