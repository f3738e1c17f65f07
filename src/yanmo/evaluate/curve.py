"""Confusion counts at every threshold that lies at a score, as the basis of F1, precision, recall and AUC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scores import Bits

__all__ = ["Curve", "ranking_curve"]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Counts at the cuts "accept every score >= values[k]", one cut for each distinct score, highest first.

    Weights give every array of counts a leading axis [weightings].
    """

    values: NDArray[np.floating]
    """Distinct scores, descending, shape [cuts]."""
    true_positives: NDArray[np.int64]
    """Weight of accepted matches, shape [..., cuts]."""
    false_positives: NDArray[np.int64]
    """Weight of accepted non-matches, shape [..., cuts]."""

    @property
    def n_positive(self) -> NDArray[np.int64]:
        """Weight of all matches, shape [..., 1]: the last cut accepts everything."""
        return self.true_positives[..., -1:]

    @property
    def n_negative(self) -> NDArray[np.int64]:
        """Weight of all non-matches, shape [..., 1]."""
        return self.false_positives[..., -1:]

    @property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each cut, ``2 TP / (TP + FP + P)``, shape [..., cuts]."""
        whole = self.true_positives + self.false_positives + self.n_positive
        return np.asarray(2 * self.true_positives / np.maximum(whole, 1), dtype=np.float64)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Precision of each cut, shape [..., cuts]."""
        accepted = self.true_positives + self.false_positives
        return np.asarray(self.true_positives / np.maximum(accepted, 1), dtype=np.float64)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Recall of each cut, shape [..., cuts]."""
        return np.asarray(self.true_positives / np.maximum(self.n_positive, 1), dtype=np.float64)


def ranking_curve(labels: Bits, scores: NDArray[np.floating], *, weights: NDArray[np.int64] | None = None) -> Curve:
    """Counts true and false positives at every threshold, with one sort of the scores.

    Args:
        labels: Shape [n], n > 0.
        scores: Higher means more of a match, shape [n]. Equal scores fall on one side of every cut.
        weights: How often each example counts, shape [n] or [weightings, n]; once if left out.

    Returns:
        The counts.

    Example:
        >>> curve = ranking_curve(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
        >>> curve.values.tolist(), curve.true_positives.tolist(), curve.false_positives.tolist()
        ([0.9, 0.5], [1, 2], [0, 1])
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    positive = labels[order].astype(np.int64)
    negative = 1 - positive
    if weights is not None:
        sorted_weights = weights[..., order]
        positive, negative = sorted_weights * positive, sorted_weights * negative
    return Curve(ordered[ends], np.cumsum(positive, axis=-1)[..., ends], np.cumsum(negative, axis=-1)[..., ends])
