"""A callback of the Trainer that moves an average of the weights after every optimizer step."""

from typing import Any, Protocol, runtime_checkable

from transformers import TrainerCallback

__all__ = ["Averaging", "Follows"]


@runtime_checkable
class Follows(Protocol):
    """What moves behind the weights: a ``WeightAverage``, or BYOL with its own."""

    def update(self, step: int) -> None:
        """Moves after optimizer step ``step``, counted from 1."""
        ...


class Averaging(TrainerCallback):
    """Moves an average towards the parameters after every optimizer step.

    Args:
        average: The average.
    """

    def __init__(self, average: Follows) -> None:
        self._average = average

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Moves the average."""
        self._average.update(state.global_step)
