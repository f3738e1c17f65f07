"""Why SimSiam does not collapse: the flow of two parameters in closed form, and networks with parts taken away."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_simsiam  # noqa: E402

__all__ = ["run_simsiam"]
