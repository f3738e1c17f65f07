"""What a person sees of training: how far it is, and the newest of the numbers worth watching."""

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback

from ...progress import RunProgress

__all__ = ["TrainingProgress"]

_SHOWN = {"loss": "loss {:.4f}", "eval_nats_per_character": "nats/字 {:.3f}"}


class TrainingProgress(TrainerCallback):
    """Shows the work done, the loss and, where there is one, the newest point of the curve.

    Args:
        progress: Where to show it.
        stage: Name of the work.
        unit: What is counted.
        done_after: So many are behind us after each step; the first entry is 0.
    """

    def __init__(self, progress: RunProgress, *, stage: str, unit: str, done_after: Sequence[int]) -> None:
        self._progress = progress
        self._stage = stage
        self._unit = unit
        self._done_after = done_after
        self._newest: dict[str, str] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Shows where the run begins or goes on."""
        self._show(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Takes the numbers worth watching."""
        self._newest |= {name: shown.format(logs[name]) for name, shown in _SHOWN.items() if name in (logs or {})}

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Counts the work."""
        self._show(state.global_step)

    def _show(self, step: int) -> None:
        note = " ".join(self._newest[name] for name in _SHOWN if name in self._newest)
        self._progress.show(self._stage, self._done_after[step], self._done_after[-1], unit=self._unit, note=note)
