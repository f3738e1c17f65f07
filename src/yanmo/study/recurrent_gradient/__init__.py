"""Gradient flow in recurrent cells: exact Jacobians, distances before training, the adding problem."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_recurrent_gradient  # noqa: E402

__all__ = ["run_recurrent_gradient"]
