"""How much of each text a task reads, and in how many windows: the part of the task table that lengths are in."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from pydantic import Field, model_serializer

from ..tokenize import PairBudget, WindowPlan
from ..yaml_file import StrictModel

__all__ = ["Budget", "WindowPool", "Windows"]


class WindowPool(Enum):
    """How the logits of a pair's windows become the logit of the pair."""

    MAX = "max"
    """The best window decides, for texts that share one place."""
    MEAN = "mean"
    """All windows count alike, for texts that share their subject throughout."""


class Windows(StrictModel):
    """How pairs longer than the budget are scored: in windows of the budget's length, one score from all of them.

    A matter of scoring: training reads each pair once, within the budget, and thresholds and calibration are chosen on
    the scores of windows. Pairs within the budget score as they would without.

    Source: MaxP and its like of Dai and Callan, arXiv:1905.09217, who cut one side; where both are too long, see
    ``PairEncoder.encode_windows``.
    """

    pool: WindowPool
    """What the pair's logit is of those of its windows: ``max`` or ``mean``."""
    at_most: int = Field(default=4, ge=2, le=64)
    """Windows of a pair, which is what it costs; of a longer text the middle is left out, as ``head`` says."""
    overlap: float = Field(default=0.25, ge=0.0, le=0.9)
    """Share of a window that the next one repeats, at least."""


# No encoder has as many positions; what is beyond is a slip of the pen.
_MOST_TOKENS = 1_000_000


class Budget(StrictModel):
    """How many tokens of each text of a pair the model sees, special tokens included."""

    left: int = Field(default=128, ge=4, le=_MOST_TOKENS)
    """Tokens of the first text."""
    right: int = Field(default=128, ge=4, le=_MOST_TOKENS)
    """Tokens of the second text."""
    head: float = Field(default=0.75, ge=0.0, le=1.0)
    """Share of a cut text's tokens that is kept from its beginning; the rest is kept from its end."""
    windows: Windows | None = None
    """How longer texts are scored in windows of that length; None cuts them."""

    @property
    def of_pairs(self) -> PairBudget:
        """The same as a pair encoder takes it."""
        plan = None if self.windows is None else WindowPlan(self.windows.at_most, self.windows.overlap)
        return PairBudget(self.left, self.right, head=self.head, windows=plan)

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_there(self, dump: Callable[["Budget"], dict[str, Any]]) -> dict[str, Any]:
        # A task set without windows says, and is fingerprinted as, what it was before there were any.
        values = dump(self)
        return values if self.windows is not None else {key: values[key] for key in values if key != "windows"}
