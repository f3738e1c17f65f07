"""The sharpness of the loss on the way, with a word where the learning rate reaches what it allows."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback

from ...errors import InputError
from ...probe import sharpness

__all__ = ["SharpnessWatch"]


class SharpnessWatch(TrainerCallback):
    """Reads the largest Hessian eigenvalue every so many steps, for any Trainer of transformers.

    It costs some 20 backward passes of the batch a reading. What plain gradient descent of rate ``r`` can bear is
    ``r * sharpness <= 2``; beyond it the loss of a step may rise, and the sharpness stops growing. With momentum
    ``beta`` the edge is ``2 (1 + beta)``; for Adam it has no fixed place, and only the trend says something.

    Args:
        loss_fn: The loss of one and the same batch, from the model, such as ``lambda model: model(**batch).loss``.
        every: Steps between readings.
        edge: Rate times sharpness from which on it is said.
        log: Takes the readings, such as ``trainer.log``; None keeps them in ``readings`` only.
        say: Told when the edge is passed, once each time after a reading below it; None says nothing.

    Raises:
        InputError: ``every`` is below 1, or ``edge`` is not above 0.

    Example:
        ``trainer.add_callback(SharpnessWatch(lambda model: model(**batch).loss, every=100, say=print))``
    """

    def __init__(
        self,
        loss_fn: Callable[[nn.Module], Tensor],
        *,
        every: int = 100,
        edge: float = 2.0,
        log: Callable[[dict[str, float]], object] | None = None,
        say: Callable[[str], object] | None = None,
    ) -> None:
        if every < 1 or not edge > 0:
            raise InputError(f"every is {every} and edge {edge}, expected at least 1 and above 0", fix="leave them out")
        self._loss_fn = loss_fn
        self._every = every
        self._edge = edge
        self._log = log
        self._say = say
        self._is_past = False
        self.readings: list[tuple[int, dict[str, float]]] = []
        """Step and readings: ``sharpness/value``, ``sharpness/residual`` and ``sharpness/times_rate``."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Reads where it is time to; the model is in evaluation meanwhile, so that dropout is no part of the loss."""
        if state.global_step % self._every:
            return
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        was_training = model.training
        model.eval()
        try:
            found = sharpness(lambda: self._loss_fn(model), model.parameters())
        finally:
            model.train(was_training)
        times_rate = found.rate_product(optimizer)
        readings = found.readings() | {"sharpness/times_rate": times_rate}
        self.readings.append((state.global_step, readings))
        if self._log is not None:
            self._log(readings)
        is_past = times_rate >= self._edge
        if is_past and not self._is_past and self._say is not None:
            chinese = f"第 {state.global_step} 步：学习率 × 尖锐度 = {times_rate:.2f}，到了稳定边界 {self._edge:g}"
            self._say(f"{chinese} / step {state.global_step}: rate x sharpness is {times_rate:.2f}, at the edge")
        self._is_past = is_past
