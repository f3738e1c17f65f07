"""A text that was changed, with the place in the original of each of its characters."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

__all__ = ["TracedText"]


@dataclass(frozen=True, slots=True, eq=False)
class TracedText:
    """A text made out of another.

    Attributes:
        text: The text.
        begins: Where in the original each character begins, int32[characters]; None where all stand as they did.
        ends: Where each ends.
    """

    text: str
    begins: NDArray[np.int32] | None = None
    ends: NDArray[np.int32] | None = None

    def replaced(self, parts: Iterable[tuple[int, int, str]]) -> "TracedText":
        """Puts texts in the place of others.

        Args:
            parts: Of each part that goes, in order and not overlapping, where it begins, where it ends, and what comes
                in its place; every character of that stands for the whole part.

        Returns:
            The new text, traced to the original of this one.
        """
        pieces: list[str] = []
        begins: list[Iterable[int]] = []
        ends: list[Iterable[int]] = []
        last = 0
        for begin, end, new in (*parts, (len(self.text), len(self.text), "")):
            pieces += [self.text[last:begin], new]
            begins += [range(last, begin), repeat(begin, len(new))]
            ends += [range(last + 1, begin + 1), repeat(end, len(new))]
            last = end
        spans = np.array([[*chain(*begins)], [*chain(*ends)]], dtype=np.int32).reshape(2, -1).T
        return TracedText("".join(pieces), *self.original(spans).T)

    def original(self, spans: NDArray[np.int32]) -> NDArray[np.int32]:
        """Gives the parts of the original that spans of this text stand for.

        Args:
            spans: Begin and end of each, int32[n, 2].

        Returns:
            The same in the original, int32[n, 2].
        """
        if self.begins is None or self.ends is None or not len(spans):
            return spans
        if not len(self.begins):
            return np.zeros_like(spans)
        begins, ends = spans[:, 0], spans[:, 1]
        # A span of no width (a token that no character stands for) lies before the character it stands at.
        first = self.begins[np.minimum(begins, len(self.begins) - 1)]
        last = np.where(ends > begins, self.ends[np.maximum(ends, 1) - 1], first)
        return np.stack([first, last], axis=1)
