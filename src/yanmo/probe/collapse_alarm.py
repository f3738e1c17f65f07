"""When a collapse is worth an alarm: after several readings in a row, not before the run has begun to move."""

from enum import Enum

from ..errors import InputError
from .collapse import CollapseReading

__all__ = ["AlarmAction", "CollapseAlarm"]


class AlarmAction(str, Enum):
    """What an alarm does: say so, end the run, or lower the learning rate."""

    WARN = "warn"
    STOP = "stop"
    SLOW = "slow"


class CollapseAlarm:
    """Counts collapsed readings in a row; plain logic for any loop.

    It goes off at the ``patience``-th in a row and again after every ``patience`` more; one healthy reading starts the
    count anew.

    Args:
        patience: Collapsed readings in a row that set it off.

    Raises:
        InputError: ``patience`` is below 1.

    Example:
        >>> import torch
        >>> from yanmo.probe import collapse_reading
        >>> alarm = CollapseAlarm(patience=2)
        >>> [alarm.sees(collapse_reading(torch.ones(4, 3))) for _ in range(4)]
        [False, True, False, True]
    """

    def __init__(self, *, patience: int = 3) -> None:
        if patience < 1:
            raise InputError(f"patience is {patience}, expected at least 1", fix="take 3")
        self.patience = patience
        self.n_collapsed = 0
        """Collapsed readings in a row so far; what has to be kept for a run to go on exactly."""

    def sees(self, *readings: CollapseReading) -> bool:
        """Takes the readings of one step and says whether the alarm goes off.

        Args:
            *readings: Of everything that is watched; one collapsed among them is enough.

        Returns:
            Whether the alarm goes off now.
        """
        self.n_collapsed = self.n_collapsed + 1 if any(reading.collapsed for reading in readings) else 0
        return self.n_collapsed > 0 and self.n_collapsed % self.patience == 0
