"""One network trained in many ways from the same start: what differs is what bends the gradient, and how strongly."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, chosen
from ...probe import sharpness
from ...regularize import gradient_penalty_loss, sam_backward
from ..classification_tasks import ClassificationTask, features, split_task

__all__ = ["PLAIN", "Arm", "StrengthPlan", "StrengthRun", "Way", "train_arms"]


class Way(str, Enum):
    """What bends the gradient."""

    PLAIN = "plain"
    """Nothing: all examples in every step, at the plan's rate."""
    PENALTY = "penalty"
    """``L + k (rate / 4) |grad L|^2``; the strength is ``k``, of which gradient descent itself has 1."""
    SAM = "sam"
    """The gradient ``strength`` up the gradient."""
    RATE = "rate"
    """A rate ``strength`` times as large, for the same time, so as many times fewer steps."""
    BATCH = "batch"
    """Batches of ``strength`` examples, at the plan's rate."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way and its strength; 0 for the plain one."""

    way: Way
    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "way", chosen(Way, self.way, name="way"))


PLAIN = Arm(Way.PLAIN, 0.0)
"""What the others are compared with."""


@dataclass(frozen=True, slots=True)
class StrengthPlan:
    """One task's runs.

    Attributes:
        rate: Of gradient descent.
        total_time: Rate times steps, the same for all arms.
        n_train: Training examples at most.
        hidden_width: Hidden units.
        arms: What is compared with the plain run.
        seeds: Each draws parts and weights, the same for all arms.
    """

    rate: float
    total_time: float
    n_train: int
    hidden_width: int
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StrengthRun:
    """The result of one run.

    Attributes:
        way: Its way.
        strength: Its strength.
        seed: Drew parts and weights.
        accuracy: On the test part at the end; None where the training loss is no number any more, or larger than at the
            start, as all below.
        best_accuracy: The best of 20 looks, which only a reader of the test part could choose.
        nll: On the test part at the end, nats.
        train_loss: At the end, without what bends it.
        squared_norm: ``|grad L|^2`` there.
        sharpness: Largest eigenvalue of the Hessian of the training loss there.
    """

    way: Way
    strength: float
    seed: int
    accuracy: float | None
    best_accuracy: float | None
    nll: float | None
    train_loss: float | None
    squared_norm: float | None
    sharpness: float | None


_N_LOOKS = 20


def train_arms(task: ClassificationTask, plan: StrengthPlan, *, on_run: Callable[[], None]) -> list[StrengthRun]:
    """Trains with every seed in every arm.

    Args:
        task: What to learn.
        plan: How.
        on_run: Called after each run.

    Returns:
        The runs, seed by seed, the plain one first.
    """
    inputs, found = features(task), []
    for seed in plan.seeds:
        generator = torch.Generator().manual_seed(seed)
        train, test = split_task(task, n_train=plan.n_train, generator=generator)
        start = _network(inputs.shape[1], plan.hidden_width, len(task.classes), generator)
        for arm in (PLAIN, *plan.arms):
            network = _network(inputs.shape[1], plan.hidden_width, len(task.classes), generator)
            network.load_state_dict(start.state_dict())
            own = torch.Generator().manual_seed(seed)
            found.append(
                _train(network, (inputs[train], task.labels[train]), (inputs[test], task.labels[test]), plan, arm, own)
            )
            on_run()
    return found


def _network(n_inputs: int, hidden_width: int, n_classes: int, generator: torch.Generator) -> nn.Sequential:
    network = nn.Sequential(nn.Linear(n_inputs, hidden_width), nn.Tanh(), nn.Linear(hidden_width, n_classes))
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Linear):
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / layer.in_features**0.5)
                layer.bias.zero_()
    return network


def _train(
    network: nn.Sequential,
    training: tuple[Tensor, Tensor],
    unseen: tuple[Tensor, Tensor],
    plan: StrengthPlan,
    arm: Arm,
    generator: torch.Generator,
) -> StrengthRun:
    parameters = list(network.parameters())
    rate = plan.rate * (arm.strength if arm.way is Way.RATE else 1)
    optimizer = torch.optim.SGD(parameters, lr=rate)
    n_steps = round(plan.total_time / rate)
    looks: list[float] = []
    batches = _batches(training, int(arm.strength) if arm.way is Way.BATCH else len(training[1]), generator)

    def whole() -> Tensor:
        return F.cross_entropy(network(training[0]), training[1])

    at_start = float(whole().detach())
    lost = StrengthRun(arm.way, arm.strength, generator.initial_seed(), *[None] * 6)
    for step in range(n_steps):
        inputs, labels = next(batches)

        def loss(inputs: Tensor = inputs, labels: Tensor = labels) -> Tensor:
            return F.cross_entropy(network(inputs), labels)

        optimizer.zero_grad()
        if not _carry_back(loss, parameters, arm, rate=plan.rate):
            return lost
        optimizer.step()
        if (step + 1) * _N_LOOKS // n_steps > len(looks):
            with torch.no_grad():
                looks.append(float((network(unseen[0]).argmax(1) == unseen[1]).double().mean()))

    if not float(whole().detach()) <= at_start:
        return lost
    slopes = torch.autograd.grad(whole(), parameters)
    with torch.no_grad():
        nll = float(F.cross_entropy(network(unseen[0]), unseen[1]))
    return StrengthRun(
        way=arm.way,
        strength=arm.strength,
        seed=generator.initial_seed(),
        accuracy=looks[-1],
        best_accuracy=max(looks),
        nll=nll,
        train_loss=float(whole().detach()),
        squared_norm=float(sum(slope.square().sum() for slope in slopes)),
        sharpness=sharpness(whole, parameters, tolerance=1e-3).value,
    )


def _carry_back(loss: Callable[[], Tensor], parameters: list[nn.Parameter], arm: Arm, *, rate: float) -> bool:
    """Fills ``.grad`` as the arm says; False where the loss is no number any more."""
    try:
        match arm.way:
            case Way.PENALTY:
                penalized = gradient_penalty_loss(loss, parameters, weight=arm.strength * rate / 4)
                penalized.backward()  # type: ignore[no-untyped-call]
            case Way.SAM:
                sam_backward(loss, parameters, rho=arm.strength)
            case _:
                value = loss()
                if not math.isfinite(float(value.detach())):
                    return False
                value.backward()  # type: ignore[no-untyped-call]
    except InputError:  # the regularizers refuse a loss that is not finite, and nothing else of these
        return False
    return True


def _batches(training: tuple[Tensor, Tensor], size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end; all examples at once where the size is theirs, else every epoch shuffled anew."""
    inputs, labels = training
    while True:
        if size >= len(labels):
            yield training
            continue
        order = torch.randperm(len(labels), generator=generator)
        for start in range(0, len(labels) - size + 1, size):
            rows = order[start : start + size]
            yield inputs[rows], labels[rows]
