"""Thresholds chosen on blurred scores, so that the noise of a few hundred labelled pairs moves them less."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .scores import Bits
from .thresholds import UNLEARNED_THRESHOLD, checked_probabilities

__all__ = ["cost_threshold", "smooth_f1_threshold"]

_N_CUTS = 401
_BLOCK = 1 << 21
# Log-odds beyond which float32 probabilities cannot be told from 0 and 1.
_FARTHEST = float(-np.log(2.0**-25))

Objective = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def smooth_f1_threshold(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    width: float = 0.5,
    n_missed: int = 0,
    base_rate: float | None = None,
    n_others: int = 0,
) -> float:
    """Finds the threshold with the highest F1 when every score is blurred a little.

    Each pair counts as accepted at a cut ``c`` by ``sigmoid((z - c) / h)`` instead of by 0 or 1, ``z`` being its
    calibrated log-odds, ``h = width * std(z) * n^(-1/5)``; F1 from these counts is smooth and has a stable maximum.

    On a few hundred pairs the plain arg-max follows the noise of single examples; the test of this file draws such
    samples and finds that the blurred one keeps more of the best possible F1.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Calibrated probabilities, shape [n].
        width: Strength of the blur; above 0.
        n_missed: Matches beside these pairs that no threshold finds.
        base_rate: Share of matches for which F1 is to be highest; None for that of the pairs.
        n_others: Pairs beside these that are no matches and that no threshold accepts; they matter with a base rate.

    Returns:
        The threshold, in [0, 1].

    Raises:
        InputError: The lengths differ, a probability is outside [0, 1], the width is not positive, or a base rate is
            given and one class has no pair.

    Example:
        >>> 0.2 < smooth_f1_threshold([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) < 0.8
        True
    """
    truth, values = checked_probabilities(labels, probabilities)
    # Matches count as they stand; the others as if there were so many more or fewer of them.
    weight, n_matches = 1.0, int(truth.sum()) + n_missed
    if base_rate is not None:
        n_non = int((~truth).sum()) + n_others
        if not (0 < base_rate < 1 and n_matches and n_non):
            raise InputError(
                f"a base rate of {base_rate:g} was given with {n_matches} matches and {n_non} others",
                fix="give a share between 0 and 1, and pairs of both classes",
            )
        weight = (1 - base_rate) / base_rate * n_matches / n_non

    return _smooth_optimum(
        truth, values, lambda hits, alarms: 2 * hits / (hits + weight * alarms + n_matches), width=width
    )


def cost_threshold(
    labels: ArrayLike, probabilities: ArrayLike, *, false_positive: float, false_negative: float, width: float = 0.5
) -> float:
    """Finds the threshold of least total cost, with the same blur as ``smooth_f1_threshold``.

    On perfectly calibrated probabilities it is ``false_positive / (false_positive + false_negative)``.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Calibrated probabilities, shape [n].
        false_positive: What accepting a pair that does not match costs; above 0.
        false_negative: What missing a match costs, in the same unit; above 0.
        width: Strength of the blur; above 0.

    Returns:
        The threshold, in [0, 1].

    Raises:
        InputError: The lengths differ, a probability is outside [0, 1], or a cost or the width is not positive.
    """
    truth, values = checked_probabilities(labels, probabilities)
    if not (false_positive > 0 and false_negative > 0):
        raise InputError(f"costs of {false_positive} and {false_negative} were given, expected both above 0")

    # The cost of all matches missed, which no threshold changes, is left out.
    return _smooth_optimum(
        truth, values, lambda hits, alarms: false_negative * hits - false_positive * alarms, width=width
    )


def _smooth_optimum(truth: Bits, probabilities: NDArray[np.float32], objective: Objective, *, width: float) -> float:
    if not width > 0:
        raise InputError(f"a width of {width} was given, expected one above 0")
    if not truth.any():
        return UNLEARNED_THRESHOLD
    p = np.clip(probabilities.astype(np.float64), 2.0**-25, 1 - 2.0**-25)
    z = np.log(p) - np.log1p(-p)
    # A blur of 0 (all scores alike) would divide by zero; this one is far below what float32 can tell apart.
    blur = max(width * float(z.std()) * len(z) ** -0.2, 1e-6)
    cuts = np.linspace(max(z.min() - 4 * blur, -_FARTHEST), min(z.max() + 4 * blur, _FARTHEST), _N_CUTS)
    hits, alarms = _soft_counts(cuts, z[truth], blur), _soft_counts(cuts, z[~truth], blur)
    value = objective(hits, alarms)
    # Far from all scores neighbouring cuts are equally good: take the middle of the run.
    best = np.flatnonzero(value >= value.max() - 1e-12)
    cut = float(cuts[best].mean()) if best[-1] - best[0] == len(best) - 1 else float(cuts[best[0]])
    return float(1 / (1 + np.exp(-cut)))


def _soft_counts(cuts: NDArray[np.float64], z: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
    """Sums ``sigmoid((z - cut) / blur)`` over the scores, a block of scores at a time; shape [cuts]."""
    total = np.zeros_like(cuts)
    step = max(1, _BLOCK // len(cuts))
    for start in range(0, len(z), step):
        distance = (z[None, start : start + step] - cuts[:, None]) / blur
        total += (0.5 * (1 + np.tanh(0.5 * distance))).sum(axis=1)
    return total
