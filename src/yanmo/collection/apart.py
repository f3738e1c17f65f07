"""Pairs that stay apart whatever the standard says: a number, a date or a name differs, or too little is in common."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data.edits import DifferenceKind, find_details, find_differences, said_differences
from ..data.edits.difference_kinds import read_kinds
from ..data.plain_text import shared_pairs
from ..errors import InputError, chosen
from ..match import Verdict

__all__ = ["Apart", "ApartRule", "apart_rule"]


@dataclass(frozen=True, slots=True)
class ApartRule:
    """What keeps texts apart beside the standard; nothing by itself.

    Attributes:
        kinds: Differences between what both texts name, such as numbers, wherever they stand; of wording, such as a
            negation, where the texts otherwise read alike.
        overlap: The least share of pairs of neighboring characters, of all that either text has, that both have
            (Jaccard's index).

    Example:
        >>> ApartRule(overlap=0.5).why("怎么退款", "怎么退货款")
        '共有的字对 overlap 0.40'
    """

    kinds: Collection[DifferenceKind] = ()
    overlap: float = 0.0

    def __post_init__(self) -> None:
        """Takes the kinds by their values too."""
        kinds = frozenset(chosen(DifferenceKind, kind, name="kinds") for kind in self.kinds)
        object.__setattr__(self, "kinds", kinds)

    def __bool__(self) -> bool:
        return bool(self.kinds) or self.overlap > 0

    def why(self, first: str, second: str) -> str:
        """Says what keeps two texts apart; empty where nothing does."""
        shared = shared_pairs(first, second) if self.overlap else 1.0
        if shared < self.overlap:
            return f"共有的字对 overlap {shared:.2f}"
        named = find_differences(first, second) if any(kind.is_named for kind in self.kinds) else []
        worded = find_details(first, second) if any(not kind.is_named for kind in self.kinds) else []
        found = [
            *(each for each in named if each.text0 and each.text1),
            *(each for each in worded if not each.kind.is_named),
        ]
        return "；".join(said_differences(each for each in found if each.kind in self.kinds))


def apart_rule(apart: str | Collection[str | DifferenceKind], *, overlap: float = 0.0) -> ApartRule:
    """Reads what keeps texts apart.

    Args:
        apart: Kinds, or their names with commas between them; nothing for none.
        overlap: The least share of neighboring characters in common, from 0 to 1.

    Returns:
        The rule.

    Raises:
        InputError: A kind is unknown, or the share is none.
    """
    if not 0 <= overlap <= 1:
        raise InputError(f"overlap is {overlap:g}, expected 0 to 1")
    return ApartRule(read_kinds(apart, name="apart"), overlap)


class Apart:
    """Turns matches whose texts differ in what must not differ into none; each pair is looked at once.

    A number that only one of the texts names keeps nothing apart: 怎么还款 and 怎么还款300元 are left to the standard.

    Args:
        rule: What keeps texts apart.
        texts: The texts, which may become more.
    """

    def __init__(self, rule: ApartRule, texts: Sequence[str]) -> None:
        self._rule, self._texts = rule, texts
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
        if not self._rule:
            return verdict
        accepted = verdict.accepted.copy()
        for at in np.flatnonzero(accepted).tolist():
            accepted[at] = not self.why(int(first[at]), int(second[at]))
        return replace(verdict, accepted=accepted)

    def why(self, first: int, second: int) -> str:
        """Says what keeps two texts apart; empty where nothing does."""
        if not self._rule:
            return ""
        key = first, second
        if key not in self._said:
            self._said[key] = self._rule.why(self._texts[first], self._texts[second])
        return self._said[key]
