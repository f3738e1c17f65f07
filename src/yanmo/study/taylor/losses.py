"""Softmax against Taylor softmax as loss: accuracy, negative log-likelihood and calibration on unseen examples."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ...evaluate import calibration_error, reliability_bins
from ...layers import TaylorForm, log_taylor_softmax, taylor_minimum
from ..classification_tasks import ClassificationTask

__all__ = ["LOSSES", "LossReading", "Probabilities", "TrainingPlan", "compare_losses", "train_and_read"]

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A map from logits to log-probabilities, and its name in tables.

    Attributes:
        title: Shown in tables.
        log: The function, over the last axis.
        minimum: Left of this logit a lower one is more likely; None where there is no such side.
    """

    title: str
    log: Callable[[Tensor], Tensor]
    minimum: float | None = None


def _softmax(x: Tensor) -> Tensor:
    return x.log_softmax(-1)


LOSSES: dict[str, Probabilities] = {"softmax": Probabilities("softmax", _softmax)} | {
    f"taylor{order}_{form.value}": Probabilities(
        f"Taylor {order}" + ("" if form is TaylorForm.PLAIN else " monotone"),
        partial(log_taylor_softmax, order=order, form=form),
        taylor_minimum(order).x if form is TaylorForm.PLAIN else None,
    )
    for order in (2, 4, 6)
    for form in TaylorForm
}
"""What is compared, by the name in the JSON."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How each run is trained; the same for every loss.

    Attributes:
        rates: Learning rates of Adam; the run keeps the one that is best on the validation part.
        n_epochs: Passes over the training part; the run keeps the epoch that is best on the validation part.
        seeds: Each draws parts, weights and batches.
    """

    rates: tuple[float, ...]
    n_epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LossReading:
    """Accuracy, loss and calibration of one trained network on the test examples.

    Attributes:
        accuracy: Share whose likeliest class is right.
        nll: Mean negative log-likelihood of the right class, nats.
        calibration_error: Mean distance of the likeliest class's probability and its being right, in 15 bins.
        left: Share whose likeliest class has a logit left of the minimum; None where there is no such side.
        rate: Learning rate that validation chose.
        epoch: Epoch that validation chose, from 1.
        validation_nll: The reading it was chosen by.
    """

    accuracy: float
    nll: float
    calibration_error: float
    left: float | None
    rate: float
    epoch: int
    validation_nll: float


def compare_losses(
    task: ClassificationTask, plan: TrainingPlan, *, on_run: Callable[[], None]
) -> dict[str, dict[str, object]]:
    """Trains the task's network with every loss, rate and seed.

    Args:
        task: What to learn.
        plan: How.
        on_run: Called after each loss and seed.

    Returns:
        For every loss its readings seed by seed, and means and standard deviations over the seeds.
    """
    found: dict[str, list[LossReading]] = {name: [] for name in LOSSES}
    for seed in plan.seeds:
        for name, probabilities in LOSSES.items():
            runs = [train_and_read(task, probabilities, plan, rate=rate, seed=seed) for rate in plan.rates]
            found[name].append(min(runs, key=lambda run: run.validation_nll))
            on_run()
    base = np.array([reading.nll for reading in found["softmax"]])
    return {name: _summary(readings, base) for name, readings in found.items()}


def train_and_read(
    task: ClassificationTask, probabilities: Probabilities, plan: TrainingPlan, *, rate: float, seed: int
) -> LossReading:
    """Trains once and reads the test part at the epoch that is best on the validation part.

    Args:
        task: What to learn.
        probabilities: What the logits mean.
        plan: How long.
        rate: Learning rate of Adam.
        seed: Draws parts, weights and batches; torch's own generator is left as it was.

    Returns:
        The reading.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        train, validation, test = _parts(task)
        model = task.build()
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        best: LossReading | None = None
        for epoch in range(1, plan.n_epochs + 1):
            shuffled = train[torch.randperm(len(train))]
            for start in range(0, len(shuffled), _BATCH):
                rows = shuffled[start : start + _BATCH]
                optimizer.zero_grad()
                loss = F.nll_loss(probabilities.log(model(task.inputs[rows])), task.labels[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            with torch.no_grad():
                seen = probabilities.log(model(task.inputs[validation]))
                validation_nll = float(F.nll_loss(seen, task.labels[validation]))
                if best is None or validation_nll < best.validation_nll:
                    logits = model(task.inputs[test]).double()
                    best = _read(
                        logits, task.labels[test], probabilities, rate=rate, epoch=epoch, validation_nll=validation_nll
                    )
    if best is None:
        raise ArithmeticError(f"the loss is not a number from the first epoch on, at rate {rate}")
    return best


def _parts(task: ClassificationTask) -> tuple[Tensor, Tensor, Tensor]:
    """Training, validation and test rows: a quarter for testing where the task fixes none, a fifth of the rest."""
    n = len(task.labels)
    order = torch.randperm(n)
    if task.fixed_test is None:
        test, rest = order[: n // 4], order[n // 4 :]
    else:
        test, rest = task.fixed_test, order[~torch.isin(order, task.fixed_test)]
    return rest[len(rest) // 5 :], rest[: len(rest) // 5], test


def _read(
    logits: Float[Tensor, "n classes"],
    labels: Tensor,
    probabilities: Probabilities,
    *,
    rate: float,
    epoch: int,
    validation_nll: float,
) -> LossReading:
    log = probabilities.log(logits)
    top = log.max(-1)
    right = top.indices == labels
    left = None
    if probabilities.minimum is not None:
        left = float((logits.gather(-1, top.indices[:, None]) < probabilities.minimum).double().mean())
    bins = reliability_bins(right.numpy().astype(np.int64), top.values.exp().numpy(), n_bins=15)
    return LossReading(
        accuracy=float(right.double().mean()),
        nll=float(F.nll_loss(log, labels)),
        calibration_error=calibration_error(bins),
        left=left,
        rate=rate,
        epoch=epoch,
        validation_nll=validation_nll,
    )


def _summary(readings: Sequence[LossReading], base: np.ndarray) -> dict[str, object]:
    def spread(values: Sequence[float] | np.ndarray) -> dict[str, float]:
        return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}

    nll = np.array([reading.nll for reading in readings])
    return {
        "accuracy": spread([reading.accuracy for reading in readings]),
        "nll": spread(nll),
        "calibration_error": spread([reading.calibration_error for reading in readings]),
        "nll_minus_softmax": spread(nll - base),
        "left": None if readings[0].left is None else spread([reading.left or 0.0 for reading in readings]),
        "runs": [asdict(reading) for reading in readings],
    }
