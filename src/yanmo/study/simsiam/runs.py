"""Siamese runs with parts taken out, and what the collapse probe says along the way."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...layers import predictor_head, projector_head
from ...probe import CollapseAlarm, CollapseLimits, collapse_reading
from ...vectors.byol import Byol
from ...vectors.simsiam import SimSiam
from ...vectors.two_views import TwoViews

__all__ = ["LIMITS", "VARIANTS", "SiamesePlan", "Trace", "Variant", "train_siamese", "watch"]

# Every tenth step is read, from step 300 on every hundredth; there the vectors are tried out as well.
_EVERY, _EARLY, _LATER = 10, 300, 100
_PATIENCE = 3
LIMITS = CollapseLimits(low_rank=2.0, neighbor_ratio=0.0)
"""What the articles call collapse, a point or a line; low ranks and clumps that a run passes through are no alarm."""
_PROJECTION = 128


def _live(z: Tensor) -> Tensor:
    return z


@dataclass(frozen=True, slots=True)
class Variant:
    """SimSiam, whole or with something changed.

    Attributes:
        title: In tables and figures.
        has_predictor: Whether there is a predictor.
        target: What is done to the predicted side.
        multiple: The predictor's learning-rate multiple.
        norm: Norms of the heads.
        decay: Of BYOL's average, which makes the targets; None where the network itself does.
        collapses: What must happen on images; None where the run is to tell.
    """

    title: str
    has_predictor: bool = True
    target: Callable[[Tensor], Tensor] = torch.detach
    multiple: float = 1.0
    norm: Callable[[int], nn.Module] = nn.BatchNorm1d
    decay: float | None = None
    collapses: bool | None = None

    def network(self, encoder: nn.Module, *, width: int) -> SimSiam | Byol:
        """Builds the network around an encoder of vectors of a width."""
        projector = projector_head(width, hidden_width=_PROJECTION, out_width=_PROJECTION, norm=self.norm)
        predictor: nn.Module = nn.Identity()
        if self.has_predictor:
            predictor = predictor_head(_PROJECTION, hidden_width=_PROJECTION // 4, norm=self.norm)
        if self.decay is not None:
            return Byol(encoder, projector=projector, predictor=predictor, decay=self.decay)
        return SimSiam(encoder, projector=projector, predictor=predictor, target=self.target)


VARIANTS = {
    "simsiam": Variant("SimSiam", collapses=False),
    "no_stop": Variant("no stop-gradient", target=_live, collapses=True),
    "no_predictor": Variant("no predictor", has_predictor=False, collapses=True),
    "slow_predictor": Variant("predictor x 0.1", multiple=0.1),
    "fast_predictor": Variant("predictor x 10", multiple=10.0),
    "row_norm": Variant("LayerNorm in heads", norm=nn.LayerNorm),
    "byol": Variant("BYOL, decay 0.99", decay=0.99),
}
"""What is compared, by the name in the JSON."""


@dataclass(frozen=True, slots=True)
class SiamesePlan:
    """How a run is trained: SGD with momentum 0.9 and a constant rate.

    Attributes:
        n_steps: Optimizer steps.
        batch_size: Inputs of a step, with two views each.
        rate: Learning rate.
        weight_decay: Weight decay.
    """

    n_steps: int
    batch_size: int
    rate: float
    weight_decay: float = 5e-4


@dataclass(frozen=True, slots=True)
class Trace:
    """What was recorded during one training run.

    Attributes:
        steps: Where it was read.
        loss: The loss there.
        readings: By what was read (``vectors``, ``projections``) and number, one a step.
        alarm_at: Step of the first alarm (three collapsed readings in a row); None if there was none.
        alarm_verdicts: What was collapsed then, and how.
        quality: How useful the vectors are before the first step, at step 300 and at the end, by step; nothing where
            that is not measured.
    """

    steps: list[int]
    loss: list[float]
    readings: dict[str, dict[str, list[float]]]
    alarm_at: int | None
    alarm_verdicts: dict[str, str]
    quality: dict[int, float]


def train_siamese(
    network: SimSiam | Byol,
    views: Callable[[np.random.Generator], object],
    *,
    plan: SiamesePlan,
    multiple: float,
    seed: int,
    quality: Callable[[nn.Module], float] | None,
) -> Trace:
    """Trains a network and records what the collapse probe reads.

    Args:
        network: The network; changed in place.
        views: Draws a batch of two views.
        plan: How.
        multiple: The predictor's learning-rate multiple.
        seed: Decides inputs and views.
        quality: Measures how useful the encoder's vectors are; None does not.

    Returns:
        The run.
    """
    predictor = list(network.predictor.parameters())
    others = [p for part in (network.encoder, network.projector) for p in part.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": others}]
    if predictor:
        groups.append({"params": predictor, "lr": plan.rate * multiple})
    optimizer = torch.optim.SGD(groups, lr=plan.rate, momentum=0.9, weight_decay=plan.weight_decay)
    rng, count = np.random.default_rng(seed), itertools.count(1)

    def step() -> TwoViews:
        found: TwoViews = network(views(rng))
        optimizer.zero_grad()
        torch.autograd.backward(found.loss)
        optimizer.step()
        if isinstance(network, Byol):
            network.update(next(count))
        return found

    return watch(step, n_steps=plan.n_steps, quality=None if quality is None else lambda: quality(network.encoder))


def watch(step: Callable[[], TwoViews], *, n_steps: int, quality: Callable[[], float] | None) -> Trace:
    """Runs training steps and records the loss and what the collapse probe reads, often at first.

    Args:
        step: Makes one optimizer step.
        n_steps: How many.
        quality: Measured before, early and at the end; None does not.

    Returns:
        The run.
    """
    alarm, alarm_at, verdicts = CollapseAlarm(patience=_PATIENCE), None, {}
    steps: list[int] = []
    losses: list[float] = []
    readings: dict[str, dict[str, list[float]]] = {}
    qualities = {} if quality is None else {0: quality()}
    for i in range(1, n_steps + 1):
        found = step()
        if quality is not None and i in (_EARLY, n_steps):
            qualities[i] = quality()
        if i % (_EVERY if i <= _EARLY else _LATER) and i > 1:
            continue
        steps.append(i)
        losses.append(_rounded(found.loss.item()))
        parts: Mapping[str, tuple[Tensor, Tensor]] = {"vectors": found.vectors, "projections": found.projections}
        read = {name: collapse_reading(x, partners=partners, limits=LIMITS) for name, (x, partners) in parts.items()}
        for name, one in read.items():
            for key, value in one.readings(name).items():
                readings.setdefault(name, {}).setdefault(key.removeprefix(f"collapse/{name}_"), []).append(
                    _rounded(value)
                )
        if i % _EVERY == 0 and alarm.sees(*read.values()) and alarm_at is None:
            alarm_at, verdicts = i, {name: one.verdict.value for name, one in read.items() if one.collapsed}
    return Trace(steps, losses, readings, alarm_at, verdicts, qualities)


def _rounded(value: float) -> float:
    """Five digits: thousands of readings stand in the JSON."""
    return float(f"{value:.5g}")
