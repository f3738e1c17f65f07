"""Explicit penalty, SAM, large rate, small batches: which of them generalizes better than plain descent."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_penalty_strength  # noqa: E402

__all__ = ["run_penalty_strength"]
