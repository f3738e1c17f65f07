"""Thresholds of a calibrated probability, fitted on labelled pairs for F1 or a wanted precision or recall."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .curve import Curve, ranking_curve
from .scores import Bits, as_bits

__all__ = ["UNLEARNED_THRESHOLD", "ThresholdRule", "best_f1_threshold", "precision_threshold", "recall_threshold"]

ThresholdRule = Callable[[ArrayLike, ArrayLike], float]
"""Takes labels and calibrated probabilities, both of shape [n]; returns the threshold from which on a pair matches."""

UNLEARNED_THRESHOLD = 0.5
"""What every rule answers when there is no example, or no match among them, to learn from."""


def best_f1_threshold(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Finds the threshold with the highest F1 on these very pairs, exactly, by one sorted sweep.

    The cut lies halfway between the two neighbours; of several best cuts the highest is taken. On a few hundred pairs
    the arg-max follows the noise: ``smooth_f1_threshold`` keeps more of the F1 on new pairs.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Calibrated probabilities, shape [n].

    Returns:
        The threshold, in [0, 1].

    Raises:
        InputError: The lengths differ, or a probability is outside [0, 1].

    Example:
        >>> best_f1_threshold([0, 0, 1, 1], [0.125, 0.25, 0.75, 0.875])
        0.5
    """
    truth, values = checked_probabilities(labels, probabilities)
    if not truth.any():
        return UNLEARNED_THRESHOLD
    curve = ranking_curve(truth, values)
    return _between(curve, int(np.argmax(curve.f1)))


def precision_threshold(labels: ArrayLike, probabilities: ArrayLike, *, at_least: float) -> float:
    """Finds the threshold that gives the highest recall among those with the wanted precision on these pairs.

    Make it a rule with ``functools.partial(precision_threshold, at_least=0.9)``.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Calibrated probabilities, shape [n].
        at_least: Wanted precision, in (0, 1].

    Returns:
        The threshold, in [0, 1].

    Raises:
        InputError: No threshold reaches the precision; the message says what can be reached.
    """
    truth, values = checked_probabilities(labels, probabilities)
    _check_share(at_least, "precision")
    if not truth.any():
        return UNLEARNED_THRESHOLD
    curve = ranking_curve(truth, values)
    reached = np.flatnonzero(curve.precision >= at_least)
    if not reached.size:
        best = float(curve.precision.max())
        raise InputError(
            f"no threshold reaches a precision of {at_least:g} on these {len(truth)} pairs; the highest is {best:.3f}",
            fix="ask for less, or give more labelled pairs",
        )
    # Recall never falls towards lower cuts.
    return _between(curve, int(reached[-1]))


def recall_threshold(labels: ArrayLike, probabilities: ArrayLike, *, at_least: float) -> float:
    """Finds the threshold that gives the highest precision among those with the wanted recall on these pairs.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Calibrated probabilities, shape [n].
        at_least: Wanted recall, in (0, 1].

    Returns:
        The threshold, in [0, 1]; accepting everything always reaches the recall.

    Raises:
        InputError: The lengths differ, or a probability or the recall is out of range.
    """
    truth, values = checked_probabilities(labels, probabilities)
    _check_share(at_least, "recall")
    if not truth.any():
        return UNLEARNED_THRESHOLD
    curve = ranking_curve(truth, values)
    precision = np.where(curve.recall >= at_least, curve.precision, -1.0)
    # Of equally precise cuts the one that finds more.
    return _between(curve, int(np.flatnonzero(precision == precision.max())[-1]))


def checked_probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Bits, NDArray[np.float32]]:
    """Checks labels against probabilities and gives the latter in float32, as ``Decision`` compares them.

    Args:
        labels: 0 or 1, shape [n].
        probabilities: Shape [n].

    Returns:
        Both as arrays, shape [n].

    Raises:
        InputError: The lengths differ, or a probability is outside [0, 1].
    """
    truth, values = as_bits(labels), np.asarray(probabilities, dtype=np.float32)
    if truth.shape != values.shape:
        raise InputError(f"{len(truth)} labels but probabilities of shape {values.shape}")
    wrong = values[~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise InputError(f"{wrong[0]} is not a probability", fix="hand in calibrated probabilities, not logits")
    return truth, values


def _between(curve: Curve, cut: int) -> float:
    """Threshold of a cut: halfway to the next lower score (or to 0), never so low that it would accept that too."""
    value = float(curve.values[cut])
    lower = float(curve.values[cut + 1]) if cut + 1 < len(curve.values) else 0.0
    middle = (value + lower) / 2
    return middle if np.float32(middle) > np.float32(lower) else value


def _check_share(share: float, name: str) -> None:
    if not 0.0 < share <= 1.0:
        raise InputError(f"a {name} of {share} was asked for, expected one in (0, 1]")
