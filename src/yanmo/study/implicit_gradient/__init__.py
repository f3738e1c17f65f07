"""Implicit gradient regularization: gradient descent against the modified flows, and what a penalty imitates."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_implicit_gradient  # noqa: E402

__all__ = ["run_implicit_gradient"]
