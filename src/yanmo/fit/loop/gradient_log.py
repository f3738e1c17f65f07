"""Readings of the gradient, logged to the run's trackers beside the loss."""

from collections.abc import Callable
from typing import Any

from transformers import Trainer, TrainerCallback

from ...probe import implicit_regularization, layer_gradient_norms, optimizer_caveat
from .regularized_step import RegularizedStep

__all__ = ["GradientLog"]


class GradientLog(TrainerCallback):
    """Logs, whenever the loss is logged, the norm of each layer's gradient and ``(rate / 4) |grad L|^2``.

    Both are of the last batch before the log and of the gradient before it was clipped; with regularizers it is the
    bent gradient, and their own readings are logged too.

    Args:
        trainer: Whose ``log`` is used.
        regularized: Whose readings are taken; None where nothing bends the gradient.
        is_read: Whether somebody named a tracker, and will look at the readings.
        say: Told once what the second reading does not mean with the run's optimizer, if it is read or something bends
            the gradient.
    """

    def __init__(
        self, trainer: Trainer, *, regularized: RegularizedStep | None, is_read: bool, say: Callable[[str], None]
    ) -> None:
        self._trainer = trainer
        self._regularized = regularized
        self._is_read = is_read
        self._say = say
        self._norms: dict[str, float] = {}
        self._implicit = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Says what the reading means with this optimizer."""
        optimizer = kwargs["optimizer"]
        caveat = optimizer_caveat(getattr(optimizer, "optimizer", optimizer))  # accelerate wraps it
        is_of_interest = self._regularized is not None or self._is_read
        if caveat is not None and args.report_to and is_of_interest:
            line = "跟踪器里的 implicit_regularization 只是读数：优化器不是普通的梯度下降，定理不适用"
            self._say(f"{line} / {caveat}")

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Reads the gradient of a step whose loss will be logged."""
        if (state.global_step + 1) % state.logging_steps == 0:
            self._norms = layer_gradient_norms(self._trainer.accelerator.unwrap_model(kwargs["model"]))
            self._implicit = implicit_regularization(kwargs["optimizer"])

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Logs what was read at this step."""
        if not logs or "loss" not in logs or not self._norms:
            return
        clipped = sum(norm**2 for norm in self._norms.values()) ** 0.5
        stretch = logs["grad_norm"] / clipped if clipped and "grad_norm" in logs else 1.0
        readings = {f"gradient_norm/{name}": norm * stretch for name, norm in self._norms.items()}
        readings["implicit_regularization"] = self._implicit * stretch**2
        if self._regularized is not None:
            readings |= self._regularized.take_readings()
        self._norms = {}
        self._trainer.log(readings)
