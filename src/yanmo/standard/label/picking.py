"""Which pairs tell most of a standard: those it is unsure of, and unlike those that were asked already."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["pick_first", "pick_next", "uncertainty"]


def pick_first(scores: NDArray[np.float64], n: int) -> list[int]:
    """Picks pairs before there is a label: spread evenly over a first guess, from both ends inward.

    Args:
        scores: The guess, higher for a likelier match, float64[pairs].
        n: How many.

    Returns:
        Places of the pairs, each once, in the order to ask them.

    Example:
        >>> pick_first(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 3)
        [4, 0, 2]
    """
    order = np.argsort(-scores, kind="stable")
    n = min(n, len(order))
    spread = np.unique(np.round(np.linspace(0, len(order) - 1, n)).astype(int)) if n > 1 else np.array([0] * n, int)
    picked, left, right = [], 0, len(spread) - 1
    while left <= right:
        picked.append(int(order[spread[left]]))
        if left != right:
            picked.append(int(order[spread[right]]))
        left, right = left + 1, right - 1
    return picked


def uncertainty(
    features: NDArray[np.float64], logits: NDArray[np.float64], seen: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How the logits of pairs vary together after some were seen, the weights' prior being of unit spread.

    Args:
        features: Each multiplied by the standard deviation of its weight, float64[pairs, features].
        logits: The logits now, float64[pairs].
        seen: Places of the labelled pairs.

    Returns:
        Covariance of the logits, float64[pairs, pairs].

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, equation 3.24.
    """
    between = features @ features.T
    if not len(seen):
        return between
    p = 1 / (1 + np.exp(-logits[seen]))
    noise = np.diag(1 / np.maximum(p * (1 - p), 1e-6))
    across = between[seen]
    return between - across.T @ np.linalg.solve(between[np.ix_(seen, seen)] + noise, across)


def pick_next(
    logits: NDArray[np.float64], covariance: NDArray[np.float64], *, allowed: NDArray[np.bool_], n: int
) -> list[int]:
    """Picks pairs one after the other, each where a label is expected to tell most.

    What a label of pair ``i`` tells of the weights is, to first order, ``log(1 + p_i (1 - p_i) v_i) / 2`` with ``v``
    the variance of its logit and ``p`` its probability with the variance taken into account: high where the standard
    is unsure and where it has seen nothing like it. After each pick the variances are those after its label, so that
    the next one is another kind of pair.

    Args:
        logits: The logits now, float64[pairs].
        covariance: How they vary together, float64[pairs, pairs].
        allowed: Which may be picked, bool[pairs].
        n: How many.

    Returns:
        Places of at most ``n`` pairs, in the order to ask them.

    Source: MacKay, Information-based objective functions for active data selection (1992); the probability under
    variance by his approximation of the logistic integral.
    """
    left, now, picked = allowed.copy(), covariance.copy(), []
    for _ in range(min(n, int(allowed.sum()))):
        variance = np.maximum(np.diag(now), 0.0)
        p = 1 / (1 + np.exp(-logits / np.sqrt(1 + np.pi * variance / 8)))
        doubt = p * (1 - p)
        best = int(np.argmax(np.where(left, doubt * variance, -np.inf)))
        picked.append(best)
        left[best] = False
        noise = 1 / max(float(doubt[best]), 1e-6)
        now = now - np.outer(now[best], now[best]) / (variance[best] + noise)
    return picked
