"""How much weight decay linear SimSiam bears, by the speed of its predictor: two numbers beside networks."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_simsiam_boundary  # noqa: E402

__all__ = ["run_simsiam_boundary"]
