"""Gradient descent at the edge of stability: how far the loss sharpens, and what stops it."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_edge_of_stability  # noqa: E402

__all__ = ["run_edge_of_stability"]
