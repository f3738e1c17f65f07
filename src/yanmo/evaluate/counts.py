"""Confusion counts of decisions against labels, and precision, recall, F1 and accuracy from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .scores import as_bits

__all__ = ["Counts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """True and false positives and negatives; the sum of two counts pools their examples.

    A ratio 0/0 (no match among the labels, none decided) is 0, as in the contest's own script.

    Example:
        >>> counts = Counts.of([1, 1, 0, 0, 0], [1, 0, 1, 0, 0])
        >>> counts.precision, counts.recall, counts.f1, counts.accuracy
        (0.5, 0.5, 0.5, 0.6)
        >>> (counts + counts).n
        10
    """

    true_positives: int
    """Matches that were decided to be."""
    false_positives: int
    """Pairs decided to match that do not."""
    false_negatives: int
    """Matches that were missed."""
    true_negatives: int
    """Other pairs rightly turned down."""

    @classmethod
    def of(cls, labels: ArrayLike, decisions: ArrayLike) -> "Counts":
        """Counts decisions against labels.

        Args:
            labels: 0 or 1, shape [n].
            decisions: 0 or 1, shape [n].

        Returns:
            The four counts.

        Raises:
            InputError: The lengths differ, or a value is not 0 or 1.
        """
        truth, answer = as_bits(labels), as_bits(decisions)
        if truth.shape != answer.shape:
            raise InputError(f"{len(truth)} labels but {len(answer)} decisions")
        return cls(
            true_positives=int(np.count_nonzero(truth & answer)),
            false_positives=int(np.count_nonzero(~truth & answer)),
            false_negatives=int(np.count_nonzero(truth & ~answer)),
            true_negatives=int(np.count_nonzero(~truth & ~answer)),
        )

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_negatives + other.true_negatives,
        )

    @property
    def n(self) -> int:
        """Number of examples."""
        return self.true_positives + self.false_positives + self.false_negatives + self.true_negatives

    @property
    def precision(self) -> float:
        """Share of the decided matches that are matches."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the matches that were found."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, ``2 TP / (2 TP + FP + FN)``."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def all_positive_f1(self) -> float:
        """F1 of deciding that every pair is a match, ``2 r / (1 + r)`` at the share ``r`` of matches."""
        n_positive = self.true_positives + self.false_negatives
        return _ratio(2 * n_positive, n_positive + self.n)

    def f1_at(self, base_rate: float) -> float:
        """F1 of the same decisions where another share of the pairs are matches.

        With the rates ``t`` of true and ``f`` of false positives as they were counted,

        ``F1 = 2 r t / (r t + r + (1 - r) f)``.

        Scores of two sets compare only at one share of matches, for F1 rises with it whatever the model.

        Args:
            base_rate: The share ``r``, above 0 and below 1.

        Returns:
            The F1; NaN where one class has no example, so that its rate is unknown.

        Raises:
            InputError: The share is not between 0 and 1.

        Example:
            >>> counts = Counts(true_positives=8, false_positives=1, false_negatives=2, true_negatives=9)
            >>> round(counts.f1, 4), round(counts.f1_at(0.5), 4), round(counts.f1_at(0.1), 4)
            (0.8421, 0.8421, 0.5926)
        """
        if not 0 < base_rate < 1:
            raise InputError(f"the base rate is {base_rate:g}, a share lies between 0 and 1")
        n_positive, n_negative = self.true_positives + self.false_negatives, self.false_positives + self.true_negatives
        if not n_positive or not n_negative:
            return float("nan")
        found = base_rate * self.true_positives / n_positive
        wrong = (1 - base_rate) * self.false_positives / n_negative
        return 2 * found / (found + base_rate + wrong)

    @property
    def macro_f1(self) -> float:
        """Mean of the F1 of matches and the F1 of non-matches."""
        other = _ratio(2 * self.true_negatives, 2 * self.true_negatives + self.false_positives + self.false_negatives)
        return (self.f1 + other) / 2

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return _ratio(self.true_positives + self.true_negatives, self.n)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
