"""Plain gradient descent at several rates for the same time, and the explicit penalty at the smallest of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ...errors import chosen
from ...regularize import finite_difference_penalty_backward, gradient_penalty_loss
from ..classification_tasks import ClassificationTask, features, split_task
from .fields import Loss, sharpness_at
from .losses import TanhNetwork

__all__ = ["DescentPlan", "DescentRun", "Way", "descend", "train_all"]

_N_LOOKS = 20


class Way(str, Enum):
    """How a run gets the effect of its rate: by steps of that size, or by smaller steps with an explicit penalty."""

    PLAIN = "plain"
    """Gradient descent of this rate."""
    PENALTY = "penalty"
    """The plan's smallest rate with ``gradient_penalty_loss`` for the rest."""
    DIFFERENCE = "difference"
    """The plan's smallest rate with ``finite_difference_penalty_backward`` for the rest."""


@dataclass(frozen=True, slots=True)
class DescentPlan:
    """One task's runs; every run takes all training examples in each step.

    Attributes:
        rates: Rising. Every other than the first is also imitated from the first, with the weight
            ``(rate - rates[0]) / 4``: the first has its own part already.
        difference_rate: The one of them that is imitated by the finite-difference form too.
        total_time: Rate times steps, the same for all runs.
        n_train: Training examples at most.
        hidden_width: Hidden units.
        seeds: Each draws parts and weights.
    """

    rates: tuple[float, ...]
    difference_rate: float
    total_time: float
    n_train: int
    hidden_width: int
    seeds: tuple[int, ...]

    def jobs(self) -> list[tuple[Way, float]]:
        """Returns every way and rate, the plain ones first."""
        plain = [(Way.PLAIN, rate) for rate in self.rates]
        return [*plain, *((Way.PENALTY, rate) for rate in self.rates[1:]), (Way.DIFFERENCE, self.difference_rate)]


@dataclass(frozen=True, slots=True)
class DescentRun:
    """The result of one run of gradient descent, without its weights.

    Attributes:
        way: How the rate was realized.
        rate: The rate, that which is imitated where it is.
        seed: Drew parts and weights.
        accuracy: On the test part.
        nll: On the test part, nats.
        train_loss: At the end.
        squared_norm: ``|grad L|^2`` of the training loss without penalty, at the end.
        sharpness: Largest eigenvalue of the training loss's second derivative, at the end.
        peak_sharpness: The largest on the way; only of the run with the smallest rate.
        distance: ``|x - x(smallest rate)|`` of the weights at the end.
        recovered: For an imitation: ``1 - |x - x(rate)| / |x(smallest rate) - x(rate)|``. 1: it ended where the
            imitated run ended; 0: it is no nearer than without a penalty.
        losses: Training loss at 21 equal distances of time, or after each step of fewer.
        squared_norms: ``|grad L|^2`` there.
    """

    way: Way
    rate: float
    seed: int
    accuracy: float
    nll: float
    train_loss: float
    squared_norm: float
    sharpness: float
    peak_sharpness: float | None
    distance: float
    recovered: float | None
    losses: tuple[float, ...]
    squared_norms: tuple[float, ...]


def train_all(task: ClassificationTask, plan: DescentPlan, *, on_run: Callable[[], None]) -> list[DescentRun]:
    """Trains with every seed in every way.

    Args:
        task: What to learn.
        plan: How.
        on_run: Called after each run.

    Returns:
        The runs, seed by seed in the order of the plan's jobs.
    """
    inputs = features(task)
    found = []
    for seed in plan.seeds:
        generator = torch.Generator().manual_seed(seed)
        train, test = split_task(task, n_train=plan.n_train, generator=generator)
        network = TanhNetwork(inputs.shape[1], plan.hidden_width, len(task.classes))
        start = network.draw(generator)
        training = _Examples(network, inputs[train], task.labels[train])
        unseen = _Examples(network, inputs[test], task.labels[test])
        ends: dict[float, Tensor] = {}
        for way, rate in plan.jobs():
            looks, peak, end = _train(training, start, plan, way=way, rate=rate)
            if way is Way.PLAIN:
                ends[rate] = end
            found.append(
                DescentRun(
                    way=way,
                    rate=rate,
                    seed=seed,
                    accuracy=unseen.accuracy(end),
                    nll=float(unseen.loss(end)),
                    train_loss=looks[-1][0],
                    squared_norm=looks[-1][1],
                    sharpness=sharpness_at(training.loss, end),
                    peak_sharpness=peak,
                    distance=_apart(end, ends[plan.rates[0]]),
                    recovered=None if way is Way.PLAIN else _recovered(end, ends[rate], ends[plan.rates[0]]),
                    losses=tuple(value for value, _ in looks),
                    squared_norms=tuple(square for _, square in looks),
                )
            )
            on_run()
    return found


@dataclass(frozen=True, slots=True)
class _Examples:
    """A network's loss and accuracy on some examples."""

    network: TanhNetwork
    inputs: Tensor
    labels: Tensor

    def loss(self, x: Tensor) -> Tensor:
        return F.cross_entropy(self.network.logits(x, self.inputs), self.labels)

    def accuracy(self, x: Tensor) -> float:
        return float((self.network.logits(x, self.inputs).argmax(1) == self.labels).double().mean())


def _train(
    examples: _Examples, start: Tensor, plan: DescentPlan, *, way: Way, rate: float
) -> tuple[list[tuple[float, float]], float | None, Tensor]:
    """Returns loss and squared norm on the way, the largest sharpness on the smallest rate's way, and the end."""
    smallest = plan.rates[0]
    step = rate if way is Way.PLAIN else smallest
    n_steps = round(plan.total_time / step)
    looks: list[tuple[float, float]] = []
    peak = None
    for n, x in descend(examples.loss, start, way=way, rate=step, weight=(rate - step) / 4, n_steps=n_steps):
        if n * _N_LOOKS // n_steps > len(looks) - 1:
            looks.append(_look(examples.loss, x))
            if (way, rate) == (Way.PLAIN, smallest):
                peak = max(peak or 0.0, sharpness_at(examples.loss, x))
    return looks, peak, x.detach().clone()


def descend(
    loss: Loss, start: Float[Tensor, " n"], *, way: Way | str, rate: float, weight: float, n_steps: int
) -> Iterator[tuple[int, Float[Tensor, " n"]]]:
    """Runs gradient descent and yields the weights before each step and after the last.

    Args:
        loss: The training loss.
        start: Where it begins; unchanged.
        way: Which penalty; ``Way.PLAIN`` has none.
        rate: Of the steps.
        weight: Of the penalty.
        n_steps: Steps.

    Yields:
        Steps taken so far, and the weights, which the next step changes in place.
    """
    way = chosen(Way, way, name="way")
    x = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([x], lr=rate)
    for n in range(n_steps):
        yield n, x
        optimizer.zero_grad()
        match way:
            case Way.PLAIN:
                loss(x).backward()  # type: ignore[no-untyped-call]
            case Way.PENALTY:
                gradient_penalty_loss(lambda: loss(x), [x], weight=weight).backward()  # type: ignore[no-untyped-call]
            case Way.DIFFERENCE:
                finite_difference_penalty_backward(lambda: loss(x), [x], weight=weight)
        optimizer.step()
    yield n_steps, x


def _look(loss: Loss, x: Tensor) -> tuple[float, float]:
    value = loss(x)
    (slope,) = torch.autograd.grad(value, x)
    return float(value.detach()), float(slope.square().sum())


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).double().norm())


def _recovered(end: Tensor, target: Tensor, base: Tensor) -> float:
    return 1 - _apart(end, target) / _apart(base, target)
