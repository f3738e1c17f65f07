"""The two-parameter model of SimSiam: where its gradient flow ends, and what it keeps on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from ...errors import chosen

__all__ = ["START", "Side", "ToyPath", "linear_mean_flow", "toy_limit", "toy_path", "toy_velocity"]

START = (0.6, 0.1)
"""``phi`` (the predictor) and ``theta`` (the encoder) at the start, as in the article."""

_Vector = Float[np.ndarray, " n"]
_Number = TypeVar("_Number", float, np.ndarray)


class Side(str, Enum):
    """Whether the gradient goes through the predicted side of ``l = (phi theta - theta)^2 / 2``."""

    STOPPED = "stop-gradient"
    LIVE = "no stop-gradient"


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
    is held still, and ``-e * (phi - 1)`` where it is not.

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
    return -multiple * error * theta, -error * (phi if side is Side.STOPPED else phi - 1)


def toy_limit(side: Side | str, *, multiple: float = 1.0) -> tuple[float, float]:
    """Gives where the flow from `START` ends, in closed form.

    With stop-gradient ``multiple * theta^2 - phi^2`` is conserved and phi ends at 1; without it
    ``multiple * theta^2 - (phi - 1)^2`` is, which is negative at the start: theta ends at 0.

    Args:
        side: Whether the gradient goes through the predicted side.
        multiple: Learning-rate multiple of the predictor; without stop-gradient below 16, where the sign turns.

    Returns:
        ``phi`` and ``theta``.

    Example:
        >>> [round(x, 5) for x in (*toy_limit(Side.STOPPED), *toy_limit(Side.LIVE))]
        [1.0, 0.80623, 0.6127, 0.0]
    """
    side = chosen(Side, side, name="side")
    kept = _conserved(side, *START, multiple=multiple)
    if side is Side.STOPPED:
        return 1.0, ((1 + kept) / multiple) ** 0.5
    return (1 - (-kept) ** 0.5, 0.0) if kept <= 0 else (1.0, (kept / multiple) ** 0.5)


def toy_path(side: Side | str, *, multiple: float = 1.0, end: float = 400.0, n_points: int = 801) -> ToyPath:
    """Integrates the flow from `START` by a Runge-Kutta method of order 8.

    Args:
        side: Whether the gradient goes through the predicted side.
        multiple: Learning-rate multiple of the predictor.
        end: Last time.
        n_points: Points kept, evenly.

    Returns:
        The path.
    """
    side = chosen(Side, side, name="side")

    def velocity(_: float, state: _Vector) -> list[float]:
        return list(toy_velocity(side, float(state[0]), float(state[1]), multiple=multiple))

    times, (phi, theta) = _integrate(velocity, np.array(START), end=end, n_points=n_points)
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
    kept: _Number = multiple * theta**2 - (phi if side is Side.STOPPED else phi - 1) ** 2
    return kept


def _integrate(
    velocity: Callable[[float, _Vector], object], start: _Vector, *, end: float, n_points: int
) -> tuple[np.ndarray, np.ndarray]:
    times = np.linspace(0, end, n_points)
    solved = solve_ivp(velocity, (0, end), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-14)
    states: np.ndarray = solved.y
    return times, states
