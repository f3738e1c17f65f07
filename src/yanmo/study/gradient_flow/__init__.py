"""Gradient flow beyond RNNs: state-space cells, linear attention, and layers instead of steps, by a few directions."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_gradient_flow  # noqa: E402

__all__ = ["run_gradient_flow"]
