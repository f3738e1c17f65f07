"""How well scores follow graded labels: rank correlation, and the gain of a ranking under each query."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

__all__ = ["mean_ndcg", "ndcg", "spearman"]


def spearman(grades: ArrayLike, scores: ArrayLike) -> float | None:
    """Gives the rank correlation of grades and scores: Pearson's of their ranks, equal values sharing the mean rank.

    Args:
        grades: Any numbers, shape [n].
        scores: Any numbers, shape [n].

    Returns:
        From -1 to 1; None where either is the same for all, so that nothing is ranked.

    Raises:
        InputError: The lengths differ.

    Example:
        >>> spearman([0, 3, 5], [0.1, 0.2, 0.9])
        1.0
    """
    first, second = _ranks(grades), _ranks(scores)
    if first.shape != second.shape:
        raise InputError(f"{len(first)} grades but {len(second)} scores")
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / norm if norm else None


def ndcg(grades: ArrayLike, scores: ArrayLike, *, top: int = 10) -> float | None:
    """Gives the normalized discounted cumulative gain of one ranking.

    ``DCG = sum_k (2^g_k - 1) / log2(k + 1)`` over the ``top`` places ``k = 1, 2, ...``, over that of the ideal order.
    Equal scores share the mean gain of their places, so that the order of the input never matters. Grades are counted
    from the lowest, whose gain is 0.

    Args:
        grades: How well each document matches, shape [n]; not below 0.
        scores: What the model says, shape [n].
        top: Places that count.

    Returns:
        From 0 to 1; None where no document has any gain.

    Example:
        >>> round(ndcg([0, 2], [0.9, 0.1]), 4), ndcg([0, 0], [0.9, 0.1])
        (0.6309, None)

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002; ties as in McSherry
    and Najork, ECIR 2008.
    """
    gains = 2.0 ** np.asarray(grades, dtype=np.float64) - 1.0
    values = np.asarray(scores, dtype=np.float64)
    discounts = np.where(np.arange(len(gains)) < top, 1.0 / np.log2(np.arange(len(gains)) + 2.0), 0.0)
    ideal = float(np.sort(gains)[::-1] @ discounts)
    if not ideal:
        return None
    _, group = np.unique(-values, return_inverse=True)
    mean_gain = np.bincount(group, weights=gains) / np.bincount(group)
    return float(mean_gain[np.sort(group)] @ discounts) / ideal


def mean_ndcg(
    grades: ArrayLike, scores: ArrayLike, queries: Sequence[Hashable], *, top: int = 10
) -> tuple[float | None, int]:
    """Gives the mean NDCG over the queries that have documents of more than one grade.

    Args:
        grades: How well each document matches its query, shape [n].
        scores: What the model says, shape [n].
        queries: The query of each.
        top: Places that count.

    Returns:
        The mean, and over how many queries; None over none.
    """
    levels = np.asarray(grades, dtype=np.float64)
    levels = levels - levels.min() if len(levels) else levels
    values = np.asarray(scores, dtype=np.float64)
    places: dict[Hashable, list[int]] = {}
    for place, query in enumerate(queries):
        places.setdefault(query, []).append(place)
    found = [ndcg(levels[rows], values[rows], top=top) for rows in places.values() if np.ptp(levels[rows]) > 0]
    kept = [value for value in found if value is not None]
    return (float(np.mean(kept)) if kept else None, len(kept))


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    _, group, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]
