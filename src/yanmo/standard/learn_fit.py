"""Logistic regression with a Gaussian prior over any number of features, from a handful of examples; numpy alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogisticFit", "fit_logistic"]

_STEPS = 50
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """The most probable weights, and what the regression would say of each example had it not seen it.

    Attributes:
        weights: Weight of each feature, float64[features].
        logits: Of the examples, float64[n].
        left_out: Their logits with each example left out in turn, to first order, float64[n].
        evidence: Logarithm of how probable the labels are before the weights are known, by Laplace's method: it tells
            which of several sets of features the examples speak for.
    """

    weights: NDArray[np.float64]
    logits: NDArray[np.float64]
    left_out: NDArray[np.float64]
    evidence: float


def fit_logistic(
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    *,
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
) -> LogisticFit:
    """Finds the weights ``w`` of ``p(match | x) = sigmoid(w x)`` that are most probable after the examples.

    They minimize ``sum_i weight_i * (log(1 + exp(f_i)) - y_i f_i) + sum_j (w_j - mean_j)^2 / (2 std_j^2)`` with
    ``f = features w``, which has one minimum. A weight whose ``std`` is zero stays at its mean. There may be far more
    features than examples: Newton's steps are taken in the space that the examples span. The logit of an example left
    out is ``f_i + h_i g_i / (1 - h_i v_i)`` with ``g`` and ``v`` the loss's first two derivatives and ``h`` the
    diagonal of the inverse of the whole curvature between examples, exact for a quadratic loss.

    Args:
        features: Of every example, float64[n, features]; a constant column makes a bias.
        labels: 1 match, 0 no match, or between them, float64[n].
        mean: Mean of the prior of each weight, float64[features].
        std: Its standard deviation, float64[features].
        weight: How much each example counts, float64[n]; None for one each.

    Returns:
        The fit.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 3.4 (Newton's steps for a concave
    posterior, Laplace's evidence); Rad and Maleki, arXiv:1801.10243 (leaving one out without fitting again).
    """
    start = features @ mean
    u, s, rows = np.linalg.svd(features * std, full_matrices=False)
    inside = u * s
    counts = np.ones(len(labels)) if weight is None else weight
    c = np.zeros(len(s))
    for _ in range(_STEPS):
        gradient, curvature, hessian = _around(inside, start + inside @ c, c, labels, counts)
        step = np.linalg.solve(hessian, inside.T @ gradient + c)
        c = c - _shortened(step, c, inside, start, labels, counts) * step
        if np.abs(step).max(initial=0.0) < _CLOSE:
            break
    logits = start + inside @ c
    gradient, curvature, hessian = _around(inside, logits, c, labels, counts)
    h = (inside * np.linalg.solve(hessian, inside.T).T).sum(1)
    evidence = -_loss(c, inside, start, labels, counts) - np.linalg.slogdet(hessian)[1] / 2
    left_out = logits + h * gradient / (1 - h * curvature)
    return LogisticFit(mean + std * (rows.T @ c), logits, left_out, float(evidence))


def _around(
    inside: NDArray[np.float64],
    logits: NDArray[np.float64],
    c: NDArray[np.float64],
    labels: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """First and second derivative of each example's loss by its logit, and the whole curvature in the small space."""
    p = np.exp(-np.logaddexp(0.0, -logits))
    curvature = counts * p * (1 - p)
    hessian = (inside * curvature[:, None]).T @ inside + np.eye(len(c))
    return counts * (p - labels), curvature, hessian


def _shortened(
    step: NDArray[np.float64],
    c: NDArray[np.float64],
    inside: NDArray[np.float64],
    start: NDArray[np.float64],
    labels: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> float:
    """Halves Newton's step until it does not climb."""
    here, length = _loss(c, inside, start, labels, counts), 1.0
    while length > 1e-6 and _loss(c - length * step, inside, start, labels, counts) > here + 1e-12 * abs(here):
        length /= 2
    return length


def _loss(
    at: NDArray[np.float64],
    inside: NDArray[np.float64],
    start: NDArray[np.float64],
    labels: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> float:
    f = start + inside @ at
    return float((counts * (np.logaddexp(0.0, f) - labels * f)).sum() + (at**2).sum() / 2)
