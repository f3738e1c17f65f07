"""The two-parameter model of SimSiam: where its gradient flow ends from any start, and what it keeps on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from ...errors import chosen

__all__ = ["START", "Side", "ToyPath", "fast_enough", "linear_mean_flow", "toy_limit", "toy_path", "toy_velocity"]

START = (0.6, 0.1)
"""``phi`` (the predictor) and ``theta`` (the encoder) at the start, as in the article."""

_Vector = Float[np.ndarray, " n"]
_Number = TypeVar("_Number", float, np.ndarray)


class Side(str, Enum):
    """Whether the gradient goes through the predicted side of ``l = (phi theta - theta)^2 / 2``."""

    STOPPED = "stop-gradient"
    LIVE = "no stop-gradient"
    ALONE = "predicted side alone"
    """Only through it: the second of the two terms that make up the gradient of ``LIVE``."""


@dataclass(frozen=True, slots=True)
class ToyPath:
    """A path of the flow.

    Attributes:
        times: Times, [n].
        phi: The predictor, [n].
        theta: The encoder, [n].
        drift: Largest change of the conserved quantity on the way.
    """

    times: Float[np.ndarray, " n"]
    phi: Float[np.ndarray, " n"]
    theta: Float[np.ndarray, " n"]
    drift: float


def toy_velocity(side: Side | str, phi: _Number, theta: _Number, *, multiple: float = 1.0) -> tuple[_Number, _Number]:
    """Gives ``(d phi / dt, d theta / dt)``.

    With ``e = phi theta - theta``: ``d phi = -multiple * e * theta``; ``d theta = -e * phi`` where the predicted side
    is held still, ``-e * (phi - 1)`` where it is not, and ``e`` where the encoder moves by that side alone.

    Args:
        side: Whether the gradient goes through the predicted side.
        phi: The predictor, any shape.
        theta: The encoder, the same shape.
        multiple: Learning-rate multiple of the predictor.

    Returns:
        Both velocities.

    Source: kexue.fm/archives/7980.
    """
    side = chosen(Side, side, name="side")
    error = phi * theta - theta
    pull = {Side.STOPPED: phi, Side.LIVE: phi - 1, Side.ALONE: -1.0}[side]
    return -multiple * error * theta, -error * pull


def toy_limit(side: Side | str, *, start: tuple[float, float] = START, multiple: float = 1.0) -> tuple[float, float]:
    """Gives where the flow ends, in closed form.

    Conserved are ``multiple * theta^2 - phi^2`` with stop-gradient, ``multiple * theta^2 - (phi - 1)^2`` without it and
    ``multiple * theta^2 / 2 + phi`` by the predicted side alone. The path follows that curve to ``phi = 1``, where the
    predictor has arrived and everything stops, or to ``theta = 0``, the collapse, whichever comes first.

    Args:
        side: Whether the gradient goes through the predicted side.
        start: ``phi`` and ``theta`` at the start, where ``theta`` is not 0.
        multiple: Learning-rate multiple of the predictor.

    Returns:
        ``phi`` and ``theta``.

    Example:
        >>> [round(x, 5) for side in Side for x in toy_limit(side)]
        [1.0, 0.80623, 0.6127, 0.0, 0.605, 0.0]
    """
    side = chosen(Side, side, name="side")
    phi, theta = start
    kept = _conserved(side, phi, theta, multiple=multiple)
    if multiple > fast_enough(side, start=start):
        square = {Side.STOPPED: 1 + kept, Side.LIVE: kept, Side.ALONE: 2 * (kept - 1)}[side] / multiple
        return 1.0, float(np.copysign(max(square, 0.0) ** 0.5, theta))
    if side is Side.ALONE:
        return kept, 0.0
    center = 0.0 if side is Side.STOPPED else 1.0
    return center + float(np.copysign((-kept) ** 0.5, phi - center)), 0.0


def fast_enough(side: Side | str, *, start: tuple[float, float] = START) -> float:
    """Gives the multiple above which the predictor arrives before the encoder has collapsed.

    With stop-gradient 0 where ``0 <= phi <= 1``: the encoder then grows until the predictor has arrived. Elsewhere, and
    everywhere without stop-gradient, it shrinks meanwhile, and only a predictor that is fast enough arrives in time.

    Args:
        side: Whether the gradient goes through the predicted side.
        start: ``phi`` and ``theta`` at the start, where ``theta`` is not 0.

    Returns:
        The multiple; at it and below the flow ends at ``theta = 0``.

    Example:
        >>> fast_enough(Side.STOPPED), round(fast_enough(Side.LIVE), 6), fast_enough(Side.STOPPED, start=(1.5, 0.5))
        (0.0, 16.0, 5.0)
    """
    side = chosen(Side, side, name="side")
    phi, theta = start
    way = {
        Side.STOPPED: max(phi**2 - 1, 0.0) if phi >= 0 else phi**2,
        Side.LIVE: (phi - 1) ** 2,
        Side.ALONE: max(2 * (1 - phi), 0.0),
    }[side]
    return way / theta**2


def toy_path(
    side: Side | str,
    *,
    start: tuple[float, float] = START,
    multiple: float = 1.0,
    end: float = 400.0,
    n_points: int = 801,
) -> ToyPath:
    """Integrates the flow by a Runge-Kutta method of order 8.

    Args:
        side: Whether the gradient goes through the predicted side.
        start: ``phi`` and ``theta`` at the start.
        multiple: Learning-rate multiple of the predictor.
        end: Last time.
        n_points: Points kept, evenly.

    Returns:
        The path.
    """
    side = chosen(Side, side, name="side")

    def velocity(_: float, state: _Vector) -> list[float]:
        return list(toy_velocity(side, float(state[0]), float(state[1]), multiple=multiple))

    times, (phi, theta) = _integrate(velocity, np.array(start), end=end, n_points=n_points)
    kept = _conserved(side, phi, theta, multiple=multiple)
    return ToyPath(times, phi, theta, float(np.abs(kept - kept[0]).max()))


def linear_mean_flow(
    spread: Float[np.ndarray, " in"], weights: Float[np.ndarray, "out in"], *, end: float, n_points: int
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, "time out in"], float]:
    """Integrates what ``|F(T(x)) - F(mean of T(x))|^2 / 2`` makes of a linear ``F(x) = W x``.

    The expected loss is ``tr(W S W^T) / 2`` with ``S`` the covariance of ``T(x)`` about its mean, so that
    ``dW/dt = -W S`` and ``W(t) = W(0) exp(-S t)``: every direction that the views touch dies, the most touched first,
    and what is left points along the least touched. Stopping the gradient at ``F(mean)`` changes nothing, for the
    expectation of ``W (T - mean) mean^T`` is zero.

    Args:
        spread: Diagonal of ``S``, [in].
        weights: ``W(0)``, [out, in].
        end: Last time.
        n_points: Points kept, evenly.

    Returns:
        Times, ``W`` at each, and the largest distance from the closed form.
    """

    def velocity(_: float, state: _Vector) -> _Vector:
        moved: _Vector = (-state.reshape(weights.shape) * spread).ravel()
        return moved

    times, states = _integrate(velocity, weights.ravel(), end=end, n_points=n_points)
    path = states.T.reshape(-1, *weights.shape)
    exact = weights * np.exp(-spread * times[:, None, None])
    return times, path, float(np.abs(path - exact).max())


def _conserved(side: Side, phi: _Number, theta: _Number, *, multiple: float) -> _Number:
    square = multiple * theta**2
    kept: _Number = {Side.STOPPED: square - phi**2, Side.LIVE: square - (phi - 1) ** 2, Side.ALONE: square / 2 + phi}[
        side
    ]
    return kept


def _integrate(
    velocity: Callable[[float, _Vector], object], start: _Vector, *, end: float, n_points: int
) -> tuple[np.ndarray, np.ndarray]:
    times = np.linspace(0, end, n_points)
    solved = solve_ivp(velocity, (0, end), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-14)
    states: np.ndarray = solved.y
    return times, states
