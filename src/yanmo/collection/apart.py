"""Pairs that stay apart whatever the standard says, because a number, a date or a name differs by rule."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..data.edits import Difference, DifferenceKind, find_differences
from ..errors import chosen
from ..match import Verdict

__all__ = ["Apart", "apart_kinds", "said_differences"]


def apart_kinds(given: str | Collection[str | DifferenceKind]) -> frozenset[DifferenceKind]:
    """Reads which differences keep texts apart.

    Args:
        given: Kinds, or their names with commas between them; nothing for none.

    Returns:
        The kinds.

    Raises:
        InputError: A kind is unknown.
    """
    names = given.split(",") if isinstance(given, str) else list(given)
    return frozenset(chosen(DifferenceKind, name, name="apart") for name in names if name != "")


def said_differences(differences: Iterable[Difference]) -> list[str]:
    """Says what differs, a phrase for each such as ``数字 3天→5天``.

    Args:
        differences: What `yanmo.data.edits.find_differences` found.

    Returns:
        The phrases.
    """
    return [f"{each.kind.title} {each.text0 or '无'}→{each.text1 or '无'}" for each in differences]


class Apart:
    """Turns matches whose texts differ in what must not differ into none; each pair is looked at once.

    A number that only one of the texts names keeps nothing apart: 怎么还款 and 怎么还款300元 are left to the standard.

    Args:
        kinds: What must not differ.
        texts: The texts, which may become more.
    """

    def __init__(self, kinds: Collection[DifferenceKind], texts: Sequence[str]) -> None:
        self._kinds, self._texts = frozenset(kinds), texts
        self._said: dict[tuple[int, int], str] = {}

    def decide(self, first: NDArray[np.int64], second: NDArray[np.int64], verdict: Verdict) -> Verdict:
        """Gives the verdict that holds in the collection.

        Args:
            first: Numbers of the first texts, int64[n].
            second: Of the second texts.
            verdict: What the standard says of them.

        Returns:
            The same with fewer matches; the probabilities are the standard's.
        """
        if not self._kinds:
            return verdict
        accepted = verdict.accepted.copy()
        for at in np.flatnonzero(accepted).tolist():
            accepted[at] = not self.why(int(first[at]), int(second[at]))
        return replace(verdict, accepted=accepted)

    def why(self, first: int, second: int) -> str:
        """Says what keeps two texts apart; empty where nothing does."""
        if not self._kinds:
            return ""
        key = first, second
        if key not in self._said:
            found = find_differences(self._texts[first], self._texts[second])
            self._said[key] = "；".join(
                said_differences(each for each in found if each.kind in self._kinds and each.text0 and each.text1)
            )
        return self._said[key]
