"""Two standards on the same pairs: who is right under both, and how alike two standards rank; for benchmarks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yanmo.data import Pair
from yanmo.evaluate import TaskScores, fit_decision

__all__ = ["common_pairs", "rank_correlation", "right_on_both"]


def common_pairs(first: Sequence[Pair], second: Sequence[Pair]) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """Finds the pairs that two standards have both labelled.

    Args:
        first: Labelled pairs of one standard.
        second: Of the other.

    Returns:
        The texts, and the two labels of each, int64[n, 2].
    """
    labels = {(pair.text0, pair.text1): pair.label for pair in second}
    both = {(p.text0, p.text1): (p.label, labels[p.text0, p.text1]) for p in first if (p.text0, p.text1) in labels}
    return list(both), np.array(list(both.values()), dtype=np.int64).reshape(-1, 2)


def right_on_both(
    labels: NDArray[np.int64], logits: NDArray[np.float32], *, n_splits: int = 20, seed: int = 0
) -> tuple[float, list[float]]:
    """Share of the pairs that are decided rightly under both standards, thresholds from the other half.

    Args:
        labels: 0 or 1 under each standard, int64[n, 2].
        logits: Scores under each, float32[n, 2].
        n_splits: Random halvings averaged over.
        seed: Of the halvings.

    Returns:
        The share, and the share right under each standard alone.
    """
    rng, shares = np.random.default_rng(seed), []
    for _ in range(n_splits):
        half = rng.permutation(len(labels)) % 2
        right = np.empty(labels.shape, dtype=bool)
        for this in (0, 1):
            here, there = half == this, half != this
            for i in (0, 1):
                rule = fit_decision(TaskScores("crossed", "crossed", labels[there, i], logits[there, i]))
                right[here, i] = rule.decide(logits[here, i]) == (labels[here, i] == 1)
        shares.append([right.all(1).mean(), *right.mean(0)])
    both, *each = np.mean(shares, axis=0).tolist()
    return both, each


def rank_correlation(logits: NDArray[np.float32]) -> float:
    """Spearman's correlation of two standards' scores, float32[n, 2], ties by the mean of their ranks."""
    from scipy.stats import spearmanr

    return float(spearmanr(logits[:, 0], logits[:, 1]).statistic)
