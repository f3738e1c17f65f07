"""Linear networks trained by SimSiam's loss, many at once: their decay and the speed of their predictor differ."""

from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ...errors import chosen

__all__ = ["Predictor", "Views", "gaussian_views", "share_left", "trained_encoders"]

_ALIVE = 1e-2

Views = Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Of a step its two views, float64[batch, width] each."""


class Predictor(str, Enum):
    """How the predictor moves, and whether the other side stands still."""

    TRAINED = "trained"
    """By gradient descent, behind a stop-gradient."""
    NO_STOP = "no stop-gradient"
    """By gradient descent; the gradient flows through both sides."""
    DIRECT = "DirectPred"
    """Set to the root of ``W Wᵀ`` at every tenth step."""


def gaussian_views(width: int, noise: float, *, batch: int, seed: int) -> Views:
    """Views of standard normal data: the same point with two noises."""
    rng = np.random.default_rng(seed)

    def draw(_: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = rng.normal(size=(batch, width))
        first, second = (x + np.sqrt(noise) * rng.normal(size=x.shape) for _ in range(2))
        return first, second

    return draw


def trained_encoders(
    views: Views,
    *,
    width: int,
    p: float,
    s: float,
    speeds: NDArray[np.float64],
    decays: NDArray[np.float64],
    predictor: Predictor | str = Predictor.TRAINED,
    rate: float = 0.02,
    time: float = 400.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Trains a network for each speed and decay.

    Encoder and predictor start as a random rotation times ``√s`` and as ``p`` times the identity, a twentieth of
    random numbers added. Gradients are those of a batch, which all networks share.

    Args:
        views: Gives a step's views.
        width: Of the data, the encoder and the predictor.
        p: Where the predictor's eigenvalues start.
        s: Where those of the encoder's square start.
        speeds: How many times as fast the predictor learns, shape [n].
        decays: Weight decays, shape [n].
        predictor: How the predictor moves.
        rate: Learning rate.
        time: Steps times the rate.
        seed: Of the start.

    Returns:
        The encoders, float64[n, width, width].
    """
    predictor = chosen(Predictor, predictor, name="predictor")
    rng, n = np.random.default_rng(seed), len(decays)
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0]
    encoder = np.repeat(np.sqrt(s) * rotation[None], n, axis=0)
    head = np.repeat((p * np.eye(width) + 0.05 * p * rng.normal(size=(width, width)) / np.sqrt(width))[None], n, axis=0)
    a, h = speeds[:, None, None], decays[:, None, None]
    for step in range(int(time / rate)):
        first, second = views(step)
        own, across = first.T @ first / len(first), second.T @ first / len(first)
        if predictor is Predictor.DIRECT and step % 10 == 0:
            values, vectors = np.linalg.eigh(encoder @ encoder.transpose(0, 2, 1))
            head = (vectors * np.sqrt(np.maximum(values, 0))[:, None]) @ vectors.transpose(0, 2, 1)
        error = encoder @ across - head @ encoder @ own
        moved = head.transpose(0, 2, 1) @ error - h * encoder
        if predictor is Predictor.NO_STOP:
            moved = moved + head @ encoder @ across.T - encoder @ (second.T @ second / len(second))
        if predictor is not Predictor.DIRECT:
            head = head + rate * (a * (error @ encoder.transpose(0, 2, 1)) - h * head)
        encoder = encoder + rate * moved
    return encoder


def share_left(encoders: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives the share of the directions in which each encoder still does something, float64[n]."""
    return np.asarray((np.linalg.svd(encoders, compute_uv=False) ** 2 > _ALIVE).mean(1))
