"""The step at which a run's average of weights moves."""

from typing import Any

from transformers import TrainerCallback

from ..regularize import WeightAverage

__all__ = ["Averaging"]


class Averaging(TrainerCallback):
    """Moves an average towards the parameters after every optimizer step.

    Args:
        average: The average.
    """

    def __init__(self, average: WeightAverage) -> None:
        self._average = average

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Moves the average."""
        self._average.update(state.global_step)
