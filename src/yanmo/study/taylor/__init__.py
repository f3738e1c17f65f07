"""Taylor softmax: exact minima of the polynomials, losses on real tasks, the cost of its attention."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_taylor  # noqa: E402

__all__ = ["run_taylor"]
