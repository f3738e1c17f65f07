"""How far one step of gradient descent ends from three flows, and how the distance grows with the rate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from ...errors import chosen
from .fields import Flow, Loss, descent_field, sharpness_at

__all__ = ["FITTED", "StepDistances", "flow_path", "measure_steps", "step_distance"]

FITTED = (0.9e-3, 1.1e-2)
"""Rates in units of ``1 / sharpness`` that the slopes are fitted over.

Chosen beforehand. The next order changes a distance by about rate * sharpness, here 1 % at most. Rounding changes the
velocity by 1e-16 of its size, and the smallest distance of the range, in the same unit, is (1e-3)^3: 1e-7 of it.
"""


@dataclass(frozen=True, slots=True)
class StepDistances:
    """Distances of one step from the three flows.

    Attributes:
        sharpness: Largest eigenvalue of the second derivative where the step starts.
        scaled_rates: Rates times the sharpness.
        distances: One row a flow, in the unit of the parameters.
        slopes: Of ``log distance`` over ``log rate`` within ``FITTED``, by least squares.
        local_slopes: Smallest and largest slope between neighboring rates within ``FITTED``.
    """

    sharpness: float
    scaled_rates: tuple[float, ...]
    distances: dict[str, list[float]]
    slopes: dict[str, float]
    local_slopes: dict[str, tuple[float, float]]


def measure_steps(
    loss: Loss, start: Float[Tensor, " n"], *, scaled_rates: Sequence[float], on_rate: Callable[[], None]
) -> StepDistances:
    """Measures the distances at every rate and fits their slopes.

    Args:
        loss: The loss.
        start: Where each step starts, float64.
        scaled_rates: Rates times the sharpness at the start, rising; at least two within ``FITTED``.
        on_rate: Called after each rate.

    Returns:
        What was measured.
    """
    largest = sharpness_at(loss, start)
    found: dict[str, list[float]] = {flow.name.lower(): [] for flow in Flow}
    for scaled in scaled_rates:
        for flow in Flow:
            found[flow.name.lower()].append(step_distance(loss, start, rate=scaled / largest, flow=flow))
        on_rate()
    rates = np.asarray(scaled_rates)
    kept = (rates >= FITTED[0]) & (rates <= FITTED[1])
    slopes, local = {}, {}
    for name, distances in found.items():
        x, y = np.log(rates[kept]), np.log(np.asarray(distances)[kept])
        slopes[name] = float(np.polyfit(x, y, 1)[0])
        between = [float((y1 - y0) / (x1 - x0)) for (x0, y0), (x1, y1) in pairwise(zip(x, y, strict=True))]
        local[name] = (min(between), max(between))
    return StepDistances(largest, tuple(scaled_rates), found, slopes, local)


def step_distance(loss: Loss, start: Float[Tensor, " n"], *, rate: float, flow: Flow | int) -> float:
    """Returns ``|x_flow(rate) - (start - rate * grad L(start))|``.

    What is integrated is the distance itself, in units of the step, over a time that runs from 0 to 1: subtracting two
    positions afterwards would leave nothing of a distance of 1e-16 of them.

    Args:
        loss: The loss.
        start: Where step and flow begin, float64.
        rate: Of gradient descent; the time the flow runs.
        flow: Which.

    Returns:
        The distance in the unit of the parameters.
    """
    flow = chosen(Flow, flow, name="flow")
    field = descent_field(loss, rate=rate, flow=flow)
    velocity = descent_field(loss, rate=rate, flow=Flow.PLAIN)(start)

    def apart(time: float, gap: np.ndarray) -> np.ndarray:
        return (field(start + rate * (time * velocity + torch.from_numpy(gap))) - velocity).numpy()

    size = float(velocity.norm())
    solved = solve_ivp(
        apart, (0.0, 1.0), np.zeros(len(start)), method="DOP853", rtol=1e-13, atol=1e-15 * size, first_step=1.0
    )
    return rate * float(np.linalg.norm(solved.y[:, -1]))


def flow_path(
    loss: Loss, start: Float[Tensor, " n"], *, rate: float, flow: Flow | int, times: Float[np.ndarray, " times"]
) -> Float[np.ndarray, "times n"]:
    """Follows a flow for long.

    Args:
        loss: The loss.
        start: Where it begins, float64.
        rate: Of the gradient descent that it belongs to.
        flow: Which.
        times: Rising from 0.

    Returns:
        The position at each time.
    """
    flow = chosen(Flow, flow, name="flow")
    field = descent_field(loss, rate=rate, flow=flow)
    solved = solve_ivp(
        lambda _, x: field(torch.from_numpy(x)).numpy(),
        (0.0, float(times[-1])),
        start.numpy(),
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    )
    path: np.ndarray = solved.y.T
    return path
