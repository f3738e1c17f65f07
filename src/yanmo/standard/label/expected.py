"""What a labelling has come to: how right the standard is expected to be, and whether more labels will change it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..expected_f1 import expected_f1_threshold

__all__ = ["Expected", "expect", "pays_no_more"]

# Of the pool's decisions: as few as this, twice running, and more answers are expected to change little.
_STABLE = 0.01
_ROUNDS = 2
_LEAST = 30


@dataclass(frozen=True, slots=True)
class Expected:
    """What was expected after some answers."""

    n_answers: int
    """Answers it was learned from."""
    accuracy: float
    """Expected share of right decisions on the pool."""
    f1: float
    """Expected F1 of the matches there, by the threshold where it is highest."""
    changed: float | None
    """Share of the pool that is decided otherwise than after the answers before; None the first time."""


def expect(probabilities: NDArray[np.float64], *, n_answers: int, before: NDArray[np.bool_] | None = None) -> Expected:
    """Expects how right decisions are, if the probabilities mean what they say.

    ``accuracy = mean(max(p, 1 - p))``, of decisions at one half; F1 as in ``expected_f1_threshold``.

    Args:
        probabilities: Of a match, of every pair of the pool; 0 and 1 where it was answered, float64[pairs].
        n_answers: Answers so far.
        before: What was decided the last time, bool[pairs].

    Returns:
        The expectation.

    Example:
        >>> expect(np.array([0.9, 0.2, 1.0]), n_answers=1).accuracy.__round__(3)
        0.9
    """
    yes = probabilities >= 0.5
    _, f1 = expected_f1_threshold(probabilities)
    accuracy = float(np.maximum(probabilities, 1 - probabilities).mean())
    return Expected(n_answers, accuracy, f1, None if before is None else float((yes != before).mean()))


def pays_no_more(curve: Sequence[Expected]) -> bool:
    """Whether more answers are expected to change little: hardly a decision on the pool moved, twice running.

    Args:
        curve: What was expected, after every ten answers.

    Returns:
        True where labelling may stop.

    Source: Bloodgood and Vijay-Shanker, arXiv:1409.5165 (stopping once predictions are stable).
    """
    last = [each.changed for each in curve[-_ROUNDS:]]
    if len(last) < _ROUNDS or curve[-1].n_answers < _LEAST:
        return False
    return all(changed is not None and changed <= _STABLE for changed in last)
