"""Where the windows lie in which a text longer than its room is read; knows numbers of tokens only."""

import math
from dataclasses import dataclass

from ..errors import InputError

__all__ = ["WindowPlan"]


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How many windows a text is read in, and how much they share.

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
        """Refuses windows that read nothing or never move on."""
        if self.at_most < 1:
            raise InputError(f"a text cannot be read in {self.at_most} windows", fix="give 1 or more")
        if not 0 <= self.overlap < 1:
            raise InputError(f"the overlap must lie from 0 to below 1, not at {self.overlap}")

    def reach(self, width: int) -> int:
        """Gives the tokens that all windows of a width hold together.

        Args:
            width: Tokens of a window.

        Returns:
            ``width + (at_most - 1) * step``; one window more moves on by a step.
        """
        return width + (self.at_most - 1) * self._step(width)

    def starts(self, n_tokens: int, width: int) -> list[int]:
        """Gives where windows begin: as few as will do, the first at the beginning, the last up to the end, evenly.

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
