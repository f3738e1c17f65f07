"""Pairs worth scoring: each text with its nearest, as many as it takes to find the wanted share of the matches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .apart import Apart
from .neighbors import NeighborSearch
from .scoring import score_pairs, verdict_of
from .vector_folder import VectorFolder

__all__ = ["CandidateCount", "choose_count", "joined_pairs"]

_STEPS = (5, 10, 20, 50, 100, 200, 500)
_SAMPLE_PAIRS = 300_000
# Matches by which a share can be told from another.
_ENOUGH = 200
_SEED = 0


@dataclass(frozen=True, slots=True)
class CandidateCount:
    """How many candidates a text gets, and what was measured of it.

    The measure is made on texts drawn by chance, each of which is scored against all others: the share of the matches
    found there (by the standard's own word and the rule of what keeps texts apart, not by labels) that stand among the
    nearest ``k``. Where matches are so rare that this finds few, more texts are scored against their nearest 500.
    """

    k: int | None
    """Candidates of each text; None where all pairs with enough characters in common are."""
    recall: float | None
    """Share of the sample's matches among them; None where the sample had no match, or everything is compared."""
    n_sampled: int
    """Texts that were scored against all."""
    n_near: int
    """Texts that were scored against their nearest 500."""
    n_matches: int
    """Matches found by both."""
    match_rate: float
    """Share of matches among all pairs of the texts that were scored against all: near 0 for a standard of sameness,
    large for one that sorts texts into a few kinds, whose matches no number of neighbors holds."""


def choose_count(
    folder: VectorFolder,
    search: NeighborSearch,
    *,
    numbers: NDArray[np.int64],
    among: NDArray[np.int64],
    within_one: bool,
    recall: float,
    apart: Apart,
) -> tuple[int, CandidateCount]:
    """Finds how many neighbors hold a share of the matches, by an exhaustive sample.

    Args:
        folder: The texts.
        search: Finds the candidates, by place among those that are looked among; what it misses counts as missed.
        numbers: Those that look for matches, by number.
        among: Those they look among.
        within_one: Whether it is one collection, in which no text is to find itself.
        recall: The wanted share.
        apart: What it keeps apart is no match that a candidate could be missed for.

    Returns:
        The smallest of a few numbers that reaches it, or the largest; and what was measured.

    Raises:
        InputError: The share is not between 0 and 1.
    """
    if not 0 < recall <= 1:
        raise InputError(f"a recall of {recall} was asked for, expected one in (0, 1]")
    order = np.random.default_rng(_SEED).permutation(numbers)
    n = min(len(numbers), max(20, _SAMPLE_PAIRS // max(1, len(among))))
    most = min(_STEPS[-1], max(1, len(among) - within_one))
    steps = np.array([*(k for k in _STEPS if k < most), most])
    hits, n_matches, n_pairs = np.zeros(len(steps)), 0, 0
    drawn = np.sort(order[:n])
    for text, near in zip(drawn.tolist(), _nearest(folder, search, drawn, among, most, within_one), strict=True):
        others = among[among != text] if within_one else among
        pairs = np.full(len(others), text), others
        accepted = apart.decide(*pairs, verdict_of(folder, pairs, score_pairs(folder, pairs))).accepted
        n_matches += int(accepted.sum())
        n_pairs += len(others)
        hits += [int(np.isin(others[accepted], near[:k]).sum()) for k in steps.tolist()]
    rate, n_near, total = n_matches / max(1, n_pairs), 0, float(n_matches)
    if n_matches < _ENOUGH and n < len(numbers):
        more = np.sort(order[n : n + _SAMPLE_PAIRS * 3 // most])
        near_of = _nearest(folder, search, more, among, most, within_one)
        ranks = np.concatenate([np.arange(len(near)) for near in near_of])
        pairs = np.repeat(more, [len(near) for near in near_of]), np.concatenate(near_of)
        accepted = apart.decide(*pairs, verdict_of(folder, pairs, score_pairs(folder, pairs))).accepted
        # As many matches lie beyond the nearest of these texts as beyond those of the texts that saw all others.
        n_beyond = (n_matches - hits[-1]) / n * len(more)
        hits += [int(accepted[ranks < k].sum()) for k in steps.tolist()]
        n_near, n_matches, total = len(more), n_matches + int(accepted.sum()), total + accepted.sum() + n_beyond
    if not n_matches:
        k = int(min(20, steps[-1]))
        return k, CandidateCount(k, None, n, n_near, 0, rate)
    shares = hits / total
    at = next((i for i, share in enumerate(shares) if share >= recall), len(steps) - 1)
    k = int(steps[at])
    return k, CandidateCount(k, float(shares[at]), n, n_near, n_matches, rate)


def _nearest(
    folder: VectorFolder,
    search: NeighborSearch,
    texts: NDArray[np.int64],
    among: NDArray[np.int64],
    most: int,
    within_one: bool,
) -> list[NDArray[np.int64]]:
    """The nearest of each text by number, best first; of one collection a text is its own nearest, and is left out."""
    found = search(np.asarray(folder.vectors()[texts]), most + within_one)
    each = (among[row[row >= 0]] for row in found)
    return [(row[row != text] if within_one else row)[:most] for text, row in zip(texts.tolist(), each, strict=True)]


def joined_pairs(
    folder: VectorFolder,
    search: NeighborSearch,
    numbers: NDArray[np.int64],
    k: int,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gives every pair of texts of which one is among the nearest ``k`` of the other, once, the lower number first.

    Args:
        folder: The folder.
        search: Finds neighbors, by place among the numbers.
        numbers: Which of the folder's texts, rising.
        k: How many neighbors.
        on_progress: Told how many texts are done, and how many there are.

    Returns:
        Numbers of the lower and of the higher texts, sorted.
    """
    found = search(np.asarray(folder.vectors()[numbers]), k + 1, on_progress=on_progress)
    own = np.repeat(np.arange(len(numbers)), found.shape[1])
    other = found.reshape(-1)
    is_pair = (other >= 0) & (other != own)
    low = numbers[np.minimum(own, other)[is_pair]]
    high = numbers[np.maximum(own, other)[is_pair]]
    keys = np.unique((low << 32) | high)
    return keys >> 32, keys & 0xFFFFFFFF
