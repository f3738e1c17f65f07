"""What labels say of each other without a model: pairs given twice, a pair and its swap, a = b and b = c but a ≠ c."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LabelStructure", "Triangle", "read_structure"]


@dataclass(frozen=True, slots=True)
class Triangle:
    """Three rows that cannot all be right: two matches that share a text, and a non-match between the others.

    Attributes:
        first: Row of a = b.
        second: Row of b = c.
        denied: Row of a ≠ c.
    """

    first: int
    second: int
    denied: int

    @property
    def rows(self) -> tuple[int, int, int]:
        """The three rows."""
        return self.first, self.second, self.denied


@dataclass(frozen=True, slots=True, eq=False)
class LabelStructure:
    """How the labels of a file agree with each other.

    Attributes:
        disputed: Rows of each pair that stands there under different labels, also swapped where sides do not matter.
        identical: Rows that call two identical texts no match.
        triangles: Contradictions of three rows, where sides do not matter; of each denied row at most three.
        n_triangles: How many there are in all.
        votes: What the other rows say of each, float64[n, 2]: 1 / the matches on the shortest way from one of its texts
            to the other, and log(1 + non-matches between texts that equal the one and texts that equal the other). Ways
            have at most four matches; a row's own label never enters.
        group: Number of each row's pair, the same where it stands there again, int64[n].
    """

    disputed: list[list[int]]
    identical: list[int]
    triangles: list[Triangle]
    n_triangles: int
    votes: NDArray[np.float64]
    group: NDArray[np.int64]


_Neighbors = dict[str, dict[str, list[int]]]
_SHOWN = 3  # contradictions that one row is shown in
_REACH = 2  # matches that are followed from either text
_MOST = 200  # texts that are followed from one, where a text stands in very many pairs


def read_structure(texts: Sequence[tuple[str, str]], labels: NDArray[np.bool_], *, symmetric: bool) -> LabelStructure:
    """Compares the labels of pairs that share texts.

    Args:
        texts: The pairs; white space around a text does not tell it from another.
        labels: Whether each is called a match, bool[n].
        symmetric: Whether a pair and its swap are one question; only then can labels contradict each other over three
            pairs, for a title that fits a query says nothing of two titles.

    Returns:
        What was found.

    Example:
        >>> texts = [("甲", "乙"), ("丙", "乙"), ("甲", "丙")]
        >>> read_structure(texts, np.array([True, True, False]), symmetric=True).triangles
        [Triangle(first=0, second=1, denied=2)]
    """
    pairs = [(first.strip(), second.strip()) for first, second in texts]
    keys = [tuple(sorted(pair)) if symmetric else pair for pair in pairs]
    numbers: dict[tuple[str, ...], int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    same: dict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(group.tolist()):
        same[number].append(row)
    disputed = [rows for rows in same.values() if len({bool(labels[row]) for row in rows}) > 1]
    identical = [row for row, (a, b) in enumerate(pairs) if a == b and not labels[row]]
    triangles: list[Triangle] = []
    n_triangles = 0
    if symmetric:
        neighbors = _neighbors(pairs)
        for row, (a, c) in enumerate(pairs):
            if not labels[row]:
                found = [each for each in _paths(neighbors, a, c) if labels[each[0]] and labels[each[1]]]
                n_triangles += len(found)
                triangles += [Triangle(first, second, row) for first, second in found[:_SHOWN]]
    votes = _votes(pairs, labels, ways=symmetric)
    return LabelStructure(disputed, identical, triangles, n_triangles, votes, group)


def _neighbors(pairs: Sequence[tuple[str, str]]) -> _Neighbors:
    found: _Neighbors = defaultdict(lambda: defaultdict(list))
    for row, (a, b) in enumerate(pairs):
        found[a][b].append(row)
        if a != b:
            found[b][a].append(row)
    return found


def _paths(neighbors: _Neighbors, a: str, c: str) -> Iterator[tuple[int, int]]:
    """Rows of a and b, and of b and c, for every text b between two others."""
    if a == c:
        return
    ours, theirs = neighbors[a], neighbors[c]
    for b in ours if len(ours) <= len(theirs) else theirs:
        if b not in (a, c) and b in ours and b in theirs:
            yield from ((first, second) for first in ours[b] for second in theirs[b])


def _votes(pairs: Sequence[tuple[str, str]], labels: NDArray[np.bool_], *, ways: bool) -> NDArray[np.float64]:
    equal: dict[str, list[tuple[str, int]]] = defaultdict(list)
    apart: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row, (a, c) in enumerate(pairs):
        kind = equal if labels[row] else apart
        kind[a].append((c, row))
        if ways:
            kind[c].append((a, row))

    votes = np.zeros((len(pairs), 2))
    for row, (a, c) in enumerate(pairs):
        if not ways:
            found = [1] if any(text == c and other != row for text, other in equal[a]) else []
            denied = sum(text == c and other != row for text, other in apart[a])
        else:
            ours, theirs = _ball(equal, a, without=row), _ball(equal, c, without=row)
            found = [ours[text] + theirs[text] for text in ours if text in theirs]
            denied = sum(
                text in theirs and other != row for near in ours if near in apart for text, other in apart[near]
            )
        votes[row] = 1 / max(min(found), 1) if found else 0.0, np.log1p(denied)
    return votes


def _ball(equal: dict[str, list[tuple[str, int]]], text: str, *, without: int) -> dict[str, int]:
    """Texts that equal a text by the matches of other rows, and over how many."""
    found, edge = {text: 0}, [text]
    for n_matches in range(1, _REACH + 1):
        reached = []
        for near in edge:
            for other, row in equal.get(near, ()):
                if row != without and other not in found and len(found) < _MOST:
                    found[other] = n_matches
                    reached.append(other)
        edge = reached
    return found
