"""What the order of minibatches adds to gradient descent: an epoch averaged over all orders, beside three flows."""

from ...errors import require_extra

for _package in ("torch", "matplotlib", "scipy", "sklearn"):
    require_extra(_package, extra="study")

from .study import run_minibatch_noise  # noqa: E402

__all__ = ["run_minibatch_noise"]
