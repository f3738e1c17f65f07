"""Groups of the same: every member matches every other that it was put with, and the first of them stands for all.

A union of all matching pairs (single linkage) merges a and c by way of b although the standard says that a and c are
not the same. Here a row joins a group only if it matches all members (complete linkage), in the order of who is kept:
the first row of a group is its representative, and what a person deletes has been compared with what stays. Correlation
clustering minimizes the same contradictions, but a group of it may hold pairs that do not match.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["group_matches"]


class _Verdict(Protocol):
    @property
    def probabilities(self) -> NDArray[np.float32]: ...

    @property
    def accepted(self) -> NDArray[np.bool_]: ...


def group_matches(
    rank: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    *,
    judge: Callable[[NDArray[np.int64], NDArray[np.int64]], _Verdict],
) -> NDArray[np.int64]:
    """Puts texts into groups by the pairs that match.

    Of the groups whose representative a text was found to match, in the order of the probability, the first whose other
    members it matches as well takes it; pairs of members that were no candidates are judged for it.

    Args:
        rank: Who comes first as representative, int64[n], lowest first; all different.
        first: Numbers of texts of the matching candidate pairs, int64[m].
        second: The others.
        judge: Probabilities and decisions of pairs of texts, by the numbers of the first and of the second texts.

    Returns:
        The representative of each text, int64[n]; its own number where it is one.

    Example:
        >>> from types import SimpleNamespace
        >>> def judge(a, b):
        ...     near = abs(a - b) < 2
        ...     return SimpleNamespace(probabilities=near.astype(np.float32), accepted=near)
        >>> pairs = np.array([0, 1]), np.array([1, 2])
        >>> group_matches(np.arange(3), *pairs, judge=judge).tolist()
        [0, 0, 2]
    """
    n = len(rank)
    representative = np.arange(n)
    earlier: dict[int, list[int]] = {}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        low, high = (a, b) if rank[a] < rank[b] else (b, a)
        earlier.setdefault(high, []).append(low)
    members: dict[int, list[int]] = {}
    for text in sorted(earlier, key=lambda text: int(rank[text])):
        leaders = [one for one in earlier[text] if representative[one] == one]
        if not leaders:
            continue
        p = judge(np.array(leaders), np.full(len(leaders), text)).probabilities
        for leader in [leaders[i] for i in np.lexsort((rank[leaders], -p))]:
            others = members.get(leader, [])
            if not others or judge(np.array(others), np.full(len(others), text)).accepted.all():
                members.setdefault(leader, []).append(text)
                representative[text] = leader
                break
    return representative
