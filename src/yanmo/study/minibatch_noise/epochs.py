"""One epoch of minibatches, averaged over all their orders, and how far it ends from three flows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from ...errors import chosen
from ...probe import sharpness
from .losses import BatchedLoss

__all__ = ["FITTED", "EpochDistances", "NoiseFlow", "epoch_distance", "mean_epoch", "measure_epochs"]

FITTED = (0.9e-3, 1.1e-2)
"""Rate times steps of the epoch, in units of ``1 / sharpness``, that the slopes are fitted over; chosen beforehand."""


class NoiseFlow(str, Enum):
    """Whose flow: of the loss, of what full-batch descent follows, or of what the mean epoch follows."""

    PLAIN = "L"
    FULL_BATCH = "L + (g/4) |grad L|^2"
    MINIBATCH = "L + (g/4) mean |grad L_i|^2"

    @property
    def expected_slope(self) -> float:
        """The power of the rate with which the mean epoch leaves this flow."""
        return 3.0 if self is NoiseFlow.MINIBATCH else 2.0


@dataclass(frozen=True, slots=True)
class EpochDistances:
    """Distances of the mean epoch from the three flows.

    Attributes:
        title: Of the loss.
        sharpness: Largest eigenvalue of the whole loss's second derivative at the start.
        variance: ``mean |grad L_i - grad L|^2 / |grad L|^2`` at the start: how much of it is noise.
        scaled_rates: Rate times steps times sharpness.
        distances: One row a flow, in the unit of the parameters.
        slopes: Of ``log distance`` over ``log rate`` within ``FITTED``, by least squares.
    """

    title: str
    sharpness: float
    variance: float
    scaled_rates: tuple[float, ...]
    distances: dict[str, list[float]]
    slopes: dict[str, float]


def measure_epochs(
    example: BatchedLoss, *, scaled_rates: Sequence[float], on_rate: Callable[[], None]
) -> EpochDistances:
    """Measures the distances at every rate and fits their slopes.

    Args:
        example: The loss.
        scaled_rates: Rates times steps times sharpness, rising; at least two within ``FITTED``.
        on_rate: Called after each rate.

    Returns:
        What was measured.
    """
    x = example.start.clone().requires_grad_()
    largest = sharpness(lambda: _mean_loss(example, x), [x], tolerance=1e-4).value
    slopes_of = torch.stack([_slope(loss, example.start) for loss in example.batches])
    spread = (slopes_of - slopes_of.mean(0)).square().sum(1).mean() / slopes_of.mean(0).square().sum()
    found: dict[str, list[float]] = {flow.value: [] for flow in NoiseFlow}
    for scaled in scaled_rates:
        rate = scaled / largest / len(example.batches)
        end = mean_epoch(example, rate=rate)
        for flow in NoiseFlow:
            found[flow.value].append(epoch_distance(example, end, rate=rate, flow=flow))
        on_rate()
    rates = np.asarray(scaled_rates)
    kept = (rates >= FITTED[0]) & (rates <= FITTED[1])
    slopes = {
        name: float(np.polyfit(np.log(rates[kept]), np.log(np.asarray(distances)[kept]), 1)[0])
        for name, distances in found.items()
    }
    return EpochDistances(example.title, largest, float(spread), tuple(scaled_rates), found, slopes)


def mean_epoch(example: BatchedLoss, *, rate: float) -> Float[Tensor, " n"]:
    """Returns the end of an epoch of plain SGD, the mean over all orders of the batches; beginnings are shared."""
    ends = []

    def go(x: Tensor, left: tuple[int, ...]) -> None:
        if not left:
            ends.append(x)
        for i in left:
            go(x - rate * _slope(example.batches[i], x), tuple(j for j in left if j != i))

    go(example.start, tuple(range(len(example.batches))))
    return torch.stack(ends).mean(0)


def epoch_distance(example: BatchedLoss, end: Float[Tensor, " n"], *, rate: float, flow: NoiseFlow | str) -> float:
    """Returns the distance between the mean epoch's end and a flow's, after the time ``rate * steps``.

    The mean over all orders is ``x - g m grad L + (g^2 / 2) (m^2 H grad L - sum H_i grad L_i) + O(g^3)``: a batch that
    came before another is seen by it, one half of all pairs, and none by itself. The flow of ``L + g C`` ends at
    ``x - g m grad L - g^2 m grad C + (g m)^2 / 2 H grad L``, so that ``grad C = (1 / 2m) sum H_i grad L_i``, which is
    the gradient of ``(1/4) mean |grad L_i|^2``: beside full-batch descent's ``(1/4) |grad L|^2`` the variance of the
    batches' gradients is punished.

    Args:
        example: The loss.
        end: What ``mean_epoch`` gives.
        rate: Of SGD.
        flow: Which.

    Returns:
        The distance in the unit of the parameters.

    Source: Smith et al. 2021, arXiv:2101.12176.
    """
    flow = chosen(NoiseFlow, flow, name="flow")

    def velocity(_: float, x: np.ndarray) -> np.ndarray:
        at = torch.from_numpy(x)
        with torch.enable_grad():
            at = at.detach().requires_grad_()
            slopes = [torch.autograd.grad(loss(at), at, create_graph=True)[0] for loss in example.batches]
            slope = torch.stack(slopes).mean(0)
            if flow is NoiseFlow.PLAIN:
                return -slope.detach().numpy()
            squared = (
                slope.square().sum()
                if flow is NoiseFlow.FULL_BATCH
                else torch.stack([each.square().sum() for each in slopes]).mean()
            )
            return (-slope - rate / 4 * torch.autograd.grad(squared, at)[0]).detach().numpy()

    time = rate * len(example.batches)
    size = float(example.start.abs().max())
    solved = solve_ivp(
        velocity, (0.0, time), example.start.numpy(), method="DOP853", rtol=1e-13, atol=1e-16 * size, first_step=time
    )
    return float(np.linalg.norm(solved.y[:, -1] - end.numpy()))


def _mean_loss(example: BatchedLoss, x: Tensor) -> Tensor:
    return torch.stack([loss(x) for loss in example.batches]).mean()


def _slope(loss: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    found: Tensor = torch.autograd.grad(loss(x), x)[0]
    return found
