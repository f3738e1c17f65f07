"""Full-batch gradient descent on a small network, with the sharpness of its loss read on the way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...probe import sharpness
from ..classification_tasks import digits_task

__all__ = ["DescentPlan", "EdgeRun", "FittedDigits", "run_descent"]


@dataclass(frozen=True, slots=True)
class DescentPlan:
    """What all runs have in common.

    Attributes:
        total_time: Rate times steps, the same for all; with momentum ``rate / (1 - momentum)`` times steps.
        n_train: Training examples, all in each step.
        hidden_width: Hidden units.
        n_readings: Readings of the sharpness on the way.
    """

    total_time: float
    n_train: int
    hidden_width: int
    n_readings: int


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """One run.

    Attributes:
        rate: Of gradient descent.
        momentum: Heavy-ball momentum.
        seed: Drew examples and weights.
        edge: ``2 (1 + momentum) / rate``, the sharpness beyond which a quadratic loss would diverge.
        times: Rate times steps at each reading (with momentum as in the plan).
        losses: Training loss there.
        sharpnesses: Sharpness there.
        reached_at: Time of the first reading at or beyond the edge; None where there is none.
        at_the_end: Sharpness over the edge, mean over the last quarter of the readings.
        rises: Share of the steps that made the loss larger, before the edge was reached and after; None where there
            was no such step.
    """

    rate: float
    momentum: float
    seed: int
    edge: float
    times: tuple[float, ...]
    losses: tuple[float, ...]
    sharpnesses: tuple[float, ...]
    reached_at: float | None
    at_the_end: float
    rises: tuple[float | None, float | None]


class FittedDigits:
    """Handwritten digits under a squared loss: half the squared distance to the one-hot class, mean over examples.

    Args:
        n: Training examples.
        hidden_width: Units of the one hidden layer of tanh.
        seed: Draws examples and weights.
        dtype: Of both.
    """

    def __init__(self, n: int, *, hidden_width: int, seed: int, dtype: torch.dtype = torch.float32) -> None:
        task = digits_task()
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(len(task.labels), generator=generator)[:n]
        self.inputs = task.inputs[drawn].to(dtype)
        self.targets = F.one_hot(task.labels[drawn], 10).to(dtype)
        self.network = nn.Sequential(nn.Linear(64, hidden_width), nn.Tanh(), nn.Linear(hidden_width, 10)).to(dtype)
        with torch.no_grad():
            for layer in self.network:
                if isinstance(layer, nn.Linear):
                    weight = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
                    layer.weight.copy_(weight / (3 * layer.in_features) ** 0.5)
                    layer.bias.zero_()

    def loss(self) -> Tensor:
        """Returns the loss of all examples."""
        loss: Tensor = (self.network(self.inputs) - self.targets).square().sum(1).mean() / 2
        return loss


def run_descent(
    plan: DescentPlan, *, rate: float, momentum: float, seed: int, on_reading: Callable[[], None]
) -> EdgeRun:
    """Runs gradient descent for the plan's time.

    Args:
        plan: Sizes.
        rate: Its rate.
        momentum: Its momentum.
        seed: Draws examples and weights.
        on_reading: Called after each reading.

    Returns:
        What was read.
    """
    digits = FittedDigits(plan.n_train, hidden_width=plan.hidden_width, seed=seed)
    optimizer = torch.optim.SGD(digits.network.parameters(), lr=rate, momentum=momentum)
    time_a_step = rate / (1 - momentum)
    n_steps = round(plan.total_time / time_a_step)
    read_at = set(np.unique(np.linspace(0, n_steps, plan.n_readings).round().astype(int)).tolist())
    edge = 2 * (1 + momentum) / rate
    times: list[float] = []
    losses: list[float] = []
    sharpnesses: list[float] = []
    every: list[float] = []
    for step in range(n_steps + 1):
        optimizer.zero_grad()
        loss = digits.loss()
        every.append(loss.item())
        if step in read_at:
            times.append(step * time_a_step)
            losses.append(every[-1])
            sharpnesses.append(sharpness(digits.loss, digits.network.parameters()).value)
            on_reading()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    reached_at = next((at for at, value in zip(times, sharpnesses, strict=True) if value >= edge), None)
    steps_before = len(every) if reached_at is None else round(reached_at / time_a_step)
    return EdgeRun(
        rate=rate,
        momentum=momentum,
        seed=seed,
        edge=edge,
        times=tuple(times),
        losses=tuple(losses),
        sharpnesses=tuple(sharpnesses),
        reached_at=reached_at,
        at_the_end=float(np.mean(sharpnesses[-max(1, len(sharpnesses) // 4) :])) / edge,
        rises=(_share_of_rises(every[: steps_before + 1]), _share_of_rises(every[steps_before:])),
    )


def _share_of_rises(losses: list[float]) -> float | None:
    return float((np.diff(losses) > 0).mean()) if len(losses) > 1 else None
