"""Positions of the overlapping windows of a text that is longer than its budget; works on token counts alone."""

import math
from dataclasses import dataclass

from ..errors import InputError

__all__ = ["WindowPlan"]


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How many windows a long text may have, and how much neighboring windows overlap.

    Attributes:
        at_most: Windows of a text, at most.
        overlap: Share of a window that the next one repeats, at least: what a window's end cuts apart stands whole in
            the next one.

    Example:
        >>> WindowPlan(at_most=4, overlap=0.25).starts(10, 4)
        [0, 3, 6]
    """

    at_most: int
    overlap: float

    def __post_init__(self) -> None:
        """Refuses fewer than one window, and an overlap of a whole window."""
        if self.at_most < 1:
            raise InputError(f"a text cannot be read in {self.at_most} windows", fix="give 1 or more")
        if not 0 <= self.overlap < 1:
            raise InputError(f"the overlap must lie from 0 to below 1, not at {self.overlap}")

    def reach(self, width: int) -> int:
        """Gives the number of tokens that all windows of one width can cover together.

        Args:
            width: Tokens of a window.

        Returns:
            ``width + (at_most - 1) * step``; one window more moves on by a step.
        """
        return width + (self.at_most - 1) * self._step(width)

    def starts(self, n_tokens: int, width: int) -> list[int]:
        """Gives the first token of each window: as few windows as cover the text, spread evenly over it.

        Args:
            n_tokens: Tokens of the text, no more than ``reach(width)``.
            width: Tokens of a window.

        Returns:
            Numbers of the windows' first tokens, counted from 0.
        """
        beyond = n_tokens - width
        if beyond <= 0:
            return [0]
        n_steps = math.ceil(beyond / self._step(width))
        return [beyond * i // n_steps for i in range(n_steps + 1)]

    def _step(self, width: int) -> int:
        return max(1, width - math.ceil(width * self.overlap))
