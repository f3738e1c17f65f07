"""Calibration of logits to probabilities, fitted on labelled pairs: Platt scaling and temperature scaling."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..match.decisions import Calibration
from .scores import Bits, as_bits

__all__ = ["Calibrator", "platt_scaling", "temperature_scaling"]

Calibrator = Callable[[ArrayLike, ArrayLike], Calibration]
"""Takes labels and logits, both of shape [n]; returns the fitted calibration."""

_N_STEPS = 100
# Twice what a step of Newton's method gains; the loss, about 1, is known to some 1e-16.
_LEAST_GAIN = 1e-13
_LOWEST_SCALE = 1e-3


def platt_scaling(labels: ArrayLike, logits: ArrayLike) -> Calibration:
    """Fits ``p = sigmoid(scale * logit + bias)`` by maximum likelihood, against Platt's smoothed targets.

    The targets are ``(P + 1) / (P + 2)`` for the P matches and ``1 / (N + 2)`` for the N others instead of 1 and 0, so
    that the fit stays finite when one score separates the classes. Logits that rank matches lower get the flattest
    scale that still keeps their order.

    Args:
        labels: 0 or 1, shape [n].
        logits: Raw logits, shape [n].

    Returns:
        The calibration; the identity if only one class is present, from which nothing can be learned.

    Raises:
        InputError: The lengths differ.

    Source: Lin, Lin and Weng, A Note on Platt's Probabilistic Outputs for Support Vector Machines (2007).
    """
    truth, values = _checked(labels, logits)
    if truth.all() or not truth.any():
        return Calibration()
    target = _smoothed(truth)
    center, spread = float(values.mean()), float(values.std())
    if spread <= 1e-9 * max(1.0, abs(center)):
        # All logits alike: their order says nothing, only the share of matches is left.
        return Calibration(bias=_log_odds(float(target.mean())) - center)
    x = (values - center) / spread
    columns = np.stack([x, np.ones_like(x)], axis=1)
    scale, shift = _fit(columns, target)
    if scale < _LOWEST_SCALE:
        scale = _LOWEST_SCALE
        shift = float(_fit(columns[:, 1:], target, offset=scale * x)[0])
    return Calibration(scale=float(scale / spread), bias=float(shift - scale * center / spread))


def temperature_scaling(labels: ArrayLike, logits: ArrayLike) -> Calibration:
    """Fits ``p = sigmoid(logit / temperature)`` by maximum likelihood, against Platt's smoothed targets.

    One parameter where ``platt_scaling`` has two: it cannot repair a shifted share of matches, such as training with
    class weights leaves behind, and a logit of 0 stays at 0.5.

    Args:
        labels: 0 or 1, shape [n].
        logits: Raw logits, shape [n].

    Returns:
        The calibration, its scale being ``1 / temperature``; the identity if only one class is present.

    Raises:
        InputError: The lengths differ.

    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    truth, values = _checked(labels, logits)
    size = float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
    if truth.all() or not truth.any() or size == 0.0:
        return Calibration()
    scale = float(_fit((values / size)[:, None], _smoothed(truth))[0])
    return Calibration(scale=max(scale, _LOWEST_SCALE) / size)


def _checked(labels: ArrayLike, logits: ArrayLike) -> tuple[Bits, NDArray[np.float64]]:
    truth, values = as_bits(labels), np.asarray(logits, dtype=np.float64)
    if truth.shape != values.shape:
        raise InputError(f"{len(truth)} labels but logits of shape {values.shape}")
    return truth, values


def _smoothed(truth: Bits) -> NDArray[np.float64]:
    n_positive = int(np.count_nonzero(truth))
    n_negative = len(truth) - n_positive
    return np.where(truth, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))


def _log_odds(probability: float) -> float:
    return float(np.log(probability) - np.log1p(-probability))


def _fit(
    columns: NDArray[np.float64], target: NDArray[np.float64], *, offset: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float64]:
    """Newton's method with step halving on the mean cross-entropy, which is convex.

    Args:
        columns: Inputs of about unit size, shape [n, k].
        target: Wanted probabilities strictly between 0 and 1, shape [n].
        offset: Fixed part of the logit, shape [n].

    Returns:
        The k weights.
    """
    weights = np.zeros(columns.shape[1])
    # Without this trace of a ridge one far outlier among saturated scores leaves the Hessian singular.
    ridge = 1e-10 * np.eye(len(weights))

    current = _loss(columns @ weights + offset, target)
    for _ in range(_N_STEPS):
        p = np.exp(-np.logaddexp(0.0, -(columns @ weights + offset)))
        gradient = columns.T @ (p - target) / len(target)
        if np.abs(gradient).max() < 1e-12:
            break
        hessian = (columns * (p * (1 - p))[:, None]).T @ columns / len(target) + ridge
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step < _LEAST_GAIN:
            # The loss cannot show what this step gains, so no halving could be judged; near the minimum it is the best.
            return weights - step
        size = 1.0
        while (trial := _loss(columns @ (weights - size * step) + offset, target)) > current and size > 1e-10:
            size /= 2
        if size <= 1e-10:
            break
        weights, current = weights - size * step, trial
    return weights


def _loss(logit: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0.0, logit) - target * logit))
