"""All pairs of texts that have enough pairs of neighboring characters in common: exactly, without comparing all."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.plain_text import character_pairs

__all__ = ["LEXICAL_FROM", "lexical_pairs"]

LEXICAL_FROM = 0.3
"""Below this share nearly every text meets nearly every other, and neighbors by vectors are looked for instead."""

_PORTION = 4096


def lexical_pairs(
    first: Sequence[str],
    second: Sequence[str] | None = None,
    *,
    overlap: float,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Finds the pairs whose `shared_pairs` is at least ``overlap``.

    Two sets of sizes n and m with n >= m that share so much have ``ceil(overlap * n)`` elements in common at least, so
    that they must meet among the first ``n - ceil(overlap * n) + 1`` elements of the one and as few of the other, in
    any order that is the same for all; rarest first, few texts meet there by chance (prefix filtering).

    Args:
        first: Texts.
        second: Texts of another list to find partners in; None finds pairs within the one.
        overlap: The share of all that either has, above 0; from 0.3 on it is quick.
        on_progress: Told how many texts are done, and how many there are.

    Returns:
        Places of the first and of the second texts; within one list the lower place first, each pair once.

    Example:
        >>> a, b = lexical_pairs(["怎么退款", "今天下雨", "怎么退款呢"], overlap=0.5)
        >>> a.tolist(), b.tolist()
        ([0], [2])

    Source: Chaudhuri et al. 2006, "A primitive operator for similarity joins in data cleaning".
    """
    sets = [frozenset(character_pairs(text)) for text in first]
    others = sets if second is None else [frozenset(character_pairs(text)) for text in second]
    times = Counter(pair for each in (sets if second is None else [*sets, *others]) for pair in each)

    def prefix(each: frozenset[str]) -> list[str]:
        n = len(each) - math.ceil(overlap * len(each) - 1e-9) + 1
        return sorted(each, key=lambda pair: (times[pair], pair))[:n]

    begins: dict[str, list[int]] = {}
    for place, each in enumerate(others):
        for pair in prefix(each):
            begins.setdefault(pair, []).append(place)
    a: list[int] = []
    b: list[int] = []
    for place, each in enumerate(sets):
        met: set[int] = set().union(*(begins.get(pair, ()) for pair in prefix(each)))
        for other in met:
            if second is None and other <= place:
                continue
            theirs = others[other]
            shared = len(each & theirs)
            if shared / (len(each) + len(theirs) - shared) >= overlap:
                a.append(place)
                b.append(other)
        if on_progress is not None and ((place + 1) % _PORTION == 0 or place + 1 == len(sets)):
            on_progress(place + 1, len(sets))
    order = np.lexsort((b, a)) if a else np.empty(0, dtype=np.int64)
    return np.array(a, dtype=np.int64)[order], np.array(b, dtype=np.int64)[order]
