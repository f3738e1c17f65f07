"""Exact tails and bounds of a share that was counted, without scipy, which the core does not install."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["binomial_tail", "lower_bound", "mcnemar", "upper_bound"]

_N_TERMS = 20_000
_TINY = 1e-300


def binomial_tail(hits: ArrayLike | int, n: ArrayLike | int, share: ArrayLike | float) -> NDArray[np.float64]:
    """Gives the chance of at least so many hits in n draws, each a hit with the same chance.

    ``P(Bin(n, p) >= k) = I_p(k, n - k + 1)``, the regularized incomplete beta function, by its continued fraction.

    Args:
        hits: The k, at most n, any shape.
        n: Draws, the same shape or one number.
        share: The p, in [0, 1], the same shape or one number.

    Returns:
        The chances, that shape; 1 where no hit is asked for.

    Example:
        >>> binomial_tail([0, 1, 2], 2, 0.5).round(12).tolist()
        [1.0, 0.75, 0.25]
    """
    given = (np.asarray(each, dtype=np.float64) for each in (hits, n, share))
    k, size, p = np.broadcast_arrays(*given)
    chances = np.ones(k.shape)
    chances[(k > 0) & (p <= 0)] = 0.0
    asked = (k > 0) & (p > 0) & (p < 1)
    a, b, p = k[asked], size[asked] - k[asked] + 1, p[asked]
    # The fraction converges fast below the mean of the beta distribution only; above it its mirror image does.
    mirrored = p > (a + 1) / (a + b + 2)
    a, b = np.where(mirrored, b, a), np.where(mirrored, a, b)
    x = np.where(mirrored, 1 - p, p)
    log_front = _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + a * np.log(x) + b * np.log1p(-x)
    part = np.exp(log_front) * _fraction(a, b, x) / a
    chances[asked] = np.where(mirrored, 1 - part, part)
    return np.asarray(np.clip(chances, 0.0, 1.0))


def lower_bound(hits: int, n: int, *, risk: float) -> float:
    """Clopper and Pearson's one-sided lower bound of a share: the least that is not ruled out.

    Args:
        hits: Hits counted.
        n: Out of so many.
        risk: Chance with which the true share may lie below, in (0, 1).

    Returns:
        The p at which ``P(Bin(n, p) >= hits)`` is the risk; 0 without a hit.

    Source: Clopper and Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial, 1934.

    Example:
        >>> round(lower_bound(29, 29, risk=0.05), 4), round(0.05 ** (1 / 29), 4)
        (0.9019, 0.9019)
    """
    if hits <= 0:
        return 0.0
    low, high = 0.0, 1.0
    # The chance rises with the share: each round keeps the one of 40 stretches in which it passes the risk.
    for _ in range(6):
        shares = np.linspace(low, high, 41)
        first = int(np.argmax(binomial_tail(hits, n, shares) > risk))
        low, high = float(shares[first - 1]), float(shares[first])
    return low


def upper_bound(hits: int, n: int, *, risk: float) -> float:
    """Gives the one-sided upper bound of a share, as ``lower_bound`` its lower one; 1 where nothing was counted."""
    return 1.0 - lower_bound(n - hits, n, risk=risk)


def mcnemar(n_better: int, n_worse: int) -> float:
    """Gives the two-sided p-value of McNemar's exact test: were as many made better as worse, but for chance?

    Args:
        n_better: Pairs that were decided wrongly before and rightly now.
        n_worse: The reverse.

    Returns:
        The chance of a difference at least so large; 1 where nothing changed.

    Source: McNemar, Note on the Sampling Error of the Difference Between Correlated Proportions, 1947.

    Example:
        >>> mcnemar(0, 0), round(mcnemar(5, 0), 12)
        (1.0, 0.0625)
    """
    n = n_better + n_worse
    return min(1.0, 2 * float(binomial_tail(max(n_better, n_worse), n, 0.5)))


def _log_gamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.lgamma(value) for value in values.ravel().tolist()]).reshape(values.shape)


def _fraction(a: NDArray[np.float64], b: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The continued fraction of the incomplete beta function, evaluated from its front (Lentz's method).

    ``1/(1 + d_1/(1 + d_2/(1 + ...)))`` with ``d_2m = m (b - m) x / ((a + 2m - 1)(a + 2m))`` and
    ``d_2m+1 = -(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))``.
    """
    numerator = np.ones_like(a)
    denominator = 1 - (a + b) * x / (a + 1)
    denominator = 1 / np.where(denominator == 0, _TINY, denominator)
    value = denominator.copy()
    for m in range(1, _N_TERMS):
        for d in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 + d * denominator
            denominator = 1 / np.where(denominator == 0, _TINY, denominator)
            numerator = 1 + d / numerator
            numerator = np.where(numerator == 0, _TINY, numerator)
            step = numerator * denominator
            value *= step
        if np.all(np.abs(step - 1) < 1e-14):
            break
    return value
