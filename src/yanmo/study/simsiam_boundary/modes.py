"""Linear SimSiam mode by mode: two numbers that move, the curve they keep to, and the decay at which they go out.

The encoder is ``W``, the predictor ``P``, and ``p`` and ``s`` are an eigenvalue of ``P`` and of ``W Wᵀ`` along one
direction of the data. Its variance over texts is 1 and over views of one text ``noise``, with ``c = 1 + noise``. Under
the loss ``½ |P W x₁ − stop(W x₂)|²``, weight decay ``h`` and a predictor ``a`` times as fast

``p' = a s (1 − c p) − h p``,  ``s' = 2 p s (1 − c p) − 2 h s``,

so ``s − p²/a`` shrinks as ``exp(−2 h t)``: every path ends on the parabola ``s = p²/a``, where ``p (1 − c p) = h``
has two roots up to ``h = 1/(4c)``. The upper one is where training ends, the lower one is the watershed to collapse.

Source: Tian, Chen and Ganguli, arXiv:2102.06810.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Mode", "critical_decay", "decay_limits", "direct_limit", "parabola_limit", "surviving"]

_STEP, _TIME = 0.1, 400.0
_ALIVE = 1e-2


@dataclass(frozen=True, slots=True)
class Mode:
    """Where a direction starts, or several directions that differ in their noise.

    Attributes:
        p: Eigenvalue of the predictor.
        s: Of the encoder's square.
        noise: Variance over views of one text, that over texts being 1; one number or one for each direction.
    """

    p: float
    s: float
    noise: float | NDArray[np.float64]

    @property
    def c(self) -> NDArray[np.float64]:
        """Variance of a view."""
        return np.asarray(1 + np.asarray(self.noise, dtype=np.float64))


def critical_decay(c: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight decay beyond which nothing survives, wherever it starts: ``1/(4c)``.

    Args:
        c: Variance of a view, that of its text being 1, any shape.

    Returns:
        The decay, of that shape.

    Example:
        >>> float(critical_decay(1.25))
        0.2
    """
    return np.asarray(1 / (4 * np.asarray(c, dtype=np.float64)))


def parabola_limit(p: float, c: float) -> float:
    """The largest decay that a mode survives which starts on the parabola: ``p (1 − c p)`` below its top.

    Args:
        p: Eigenvalue of the predictor at the start.
        c: Variance of a view.

    Returns:
        The decay.

    Example:
        >>> parabola_limit(0.2, 1.25), parabola_limit(0.5, 1.25)
        (0.15000000000000002, 0.2)
    """
    return p * (1 - c * p) if p < 1 / (2 * c) else float(critical_decay(c))


def direct_limit(s: float, c: float) -> float:
    """The same where the predictor is set to the root of ``W Wᵀ`` at every step (DirectPred), so that ``p = √s``.

    Args:
        s: Eigenvalue of the encoder's square at the start.
        c: Variance of a view.

    Returns:
        The decay.
    """
    return parabola_limit(float(np.sqrt(s)), c)


def surviving(mode: Mode, speeds: ArrayLike, decays: ArrayLike) -> NDArray[np.bool_]:
    """Follows a mode (RK4) and says whether it is there in the end.

    Args:
        mode: The start.
        speeds: How many times as fast the predictor is, any shape; that of the noise, if there are several.
        decays: Weight decays, of the same shape.

    Returns:
        True where it survives.
    """
    a, h = (np.asarray(each, dtype=np.float64) for each in (speeds, decays))
    p, s = np.full(np.broadcast(a, h).shape, mode.p), np.full(np.broadcast(a, h).shape, mode.s)

    def velocity(p: NDArray[np.float64], s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pull = s * (1 - mode.c * p)
        return a * pull - h * p, 2 * (p * pull - h * s)

    for _ in range(int(_TIME / _STEP)):
        p1, s1 = velocity(p, s)
        p2, s2 = velocity(p + _STEP / 2 * p1, s + _STEP / 2 * s1)
        p3, s3 = velocity(p + _STEP / 2 * p2, s + _STEP / 2 * s2)
        p4, s4 = velocity(p + _STEP * p3, s + _STEP * s3)
        p, s = p + _STEP / 6 * (p1 + 2 * p2 + 2 * p3 + p4), s + _STEP / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
    return np.asarray(p > _ALIVE)


def decay_limits(mode: Mode, speeds: ArrayLike, *, n_halvings: int = 16) -> NDArray[np.float64]:
    """Finds the largest decay that a mode survives at each speed of the predictor, by halving.

    Args:
        mode: The start.
        speeds: How many times as fast the predictor is, shape [n].
        n_halvings: Each halves what is uncertain, from the critical decay down.

    Returns:
        The decays, float64[n].
    """
    speeds = np.asarray(speeds, dtype=np.float64)
    low, high = np.zeros(len(speeds)), np.broadcast_to(critical_decay(mode.c) * 1.01, speeds.shape)
    for _ in range(n_halvings):
        middle = (low + high) / 2
        alive = surviving(mode, speeds, middle)
        low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return (low + high) / 2
