"""Pairs worth scoring: each text with its nearest, as many as it takes to find the wanted share of the matches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .neighbors import NeighborSearch
from .scoring import score_pairs, verdict_of
from .vector_folder import VectorFolder

__all__ = ["CandidateCount", "choose_count", "joined_pairs"]

_STEPS = (5, 10, 20, 50, 100, 200, 500)
_SAMPLE_PAIRS = 300_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class CandidateCount:
    """How many candidates a text gets, and what was measured of it.

    The measure is made on texts drawn by chance, each of which is scored against all others: the share of the matches
    found there (by the standard's own word, not by labels) that stand among the nearest ``k``.
    """

    k: int
    """Candidates of each text."""
    recall: float | None
    """Share of the sample's matches among them; None where the sample had no match, or everything is compared."""
    n_sampled: int
    """Texts that were scored against all."""
    n_matches: int
    """Matches found by that."""
    match_rate: float
    """Share of matches among all pairs of the sample: near 0 for a standard of sameness, large for one that sorts texts
    into a few kinds, whose matches no number of neighbors holds."""


def choose_count(
    folder: VectorFolder,
    search: NeighborSearch,
    *,
    numbers: NDArray[np.int64],
    among: NDArray[np.int64],
    within_one: bool,
    recall: float,
) -> CandidateCount:
    """Finds how many neighbors hold a share of the matches, by an exhaustive sample.

    Args:
        folder: The texts.
        search: Finds the candidates, by place among those that are looked among; what it misses counts as missed.
        numbers: Those that look for matches, by number.
        among: Those they look among.
        within_one: Whether it is one collection, in which no text is to find itself.
        recall: The wanted share.

    Returns:
        The smallest of a few numbers that reaches it, or the largest.

    Raises:
        InputError: The share is not between 0 and 1.
    """
    if not 0 < recall <= 1:
        raise InputError(f"a recall of {recall} was asked for, expected one in (0, 1]")
    n = min(len(numbers), max(20, _SAMPLE_PAIRS // max(1, len(among))))
    drawn = np.sort(np.random.default_rng(_SEED).permutation(numbers)[:n])
    most = min(_STEPS[-1], max(1, len(among) - within_one))
    steps = [*(k for k in _STEPS if k < most), most]
    # Of one collection a text is its own nearest, and is passed over.
    nearest_of = search(np.asarray(folder.vectors()[drawn]), most + within_one)
    hits, n_matches, n_pairs = np.zeros(len(steps)), 0, 0
    for row, text in enumerate(drawn.tolist()):
        others = among[among != text] if within_one else among
        pairs = np.full(len(others), text), others
        accepted = verdict_of(folder, pairs, score_pairs(folder, pairs)).accepted
        order = among[nearest_of[row][nearest_of[row] >= 0]]
        order = order[order != text] if within_one else order
        n_matches += int(accepted.sum())
        n_pairs += len(others)
        hits += [int(np.isin(others[accepted], order[:k]).sum()) for k in steps]
    rate = n_matches / max(1, n_pairs)
    if not n_matches:
        return CandidateCount(min(20, steps[-1]), None, n, 0, rate)
    shares = hits / n_matches
    chosen = next((i for i, share in enumerate(shares) if share >= recall), len(steps) - 1)
    return CandidateCount(steps[chosen], float(shares[chosen]), n, n_matches, rate)


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
