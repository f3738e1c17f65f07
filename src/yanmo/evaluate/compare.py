"""Two matchers on the same pairs: by how much they differ, and whether another sample would say so too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match.decisions import Decision
from .counts import Counts
from .curve import ranking_curve
from .metrics import curve_area
from .rules import verdict_of
from .scores import TaskScores

__all__ = ["Difference", "compare_models"]

# Weights drawn at a time, for resampling in flat memory.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Difference:
    """What the second model has over the first under one task, on the same pairs."""

    task: str
    """Name of the task."""
    n: int
    """Pairs."""
    n_changed: int
    """Pairs that the two decide differently."""
    n_better: int
    """Of these, pairs that only the second decides rightly."""
    f1: float
    """F1 of the second minus that of the first."""
    f1_interval: tuple[float, float]
    """Its 95 % interval, both resampled together."""
    auc: float | None
    """The same of the area under the ROC curve; None where one class is missing."""
    auc_interval: tuple[float, float] | None
    """Its interval."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the F1 leaves zero out."""
        return self.f1_interval[0] > 0 or self.f1_interval[1] < 0


def compare_models(
    first: Sequence[TaskScores],
    second: Sequence[TaskScores],
    *,
    decisions: tuple[Mapping[str, Decision], Mapping[str, Decision]],
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> list[Difference]:
    """Compares two models by a paired bootstrap: every resampling draws the same pairs for both.

    Two intervals that overlap say nothing; the models err on the same hard pairs, and their difference is much surer
    than either F1.

    Args:
        first: Labels and logits of each task by the first model.
        second: By the second, on the very same pairs.
        decisions: The rules of each.
        n_bootstrap: Number of resamplings.
        seed: Seed of the resampling.

    Returns:
        The difference under each task that both were scored under, in the order of ``first``.

    Raises:
        InputError: They have no task in common, or a task's labels differ.
    """
    rng = np.random.default_rng(seed)
    others = {task.task: task for task in second}
    both = [(task, others[task.task]) for task in first if task.task in others]
    if not both:
        raise InputError("the models have no task in common", fix="compare models that share a standard")
    made = []
    for one, other in both:
        if len(one) != len(other) or not np.array_equal(one.labels, other.labels):
            raise InputError(f"task '{one.task}' was scored on other pairs", fix="score both on one set")
        made.append(_difference(one, other, decisions, n_bootstrap, rng))
    return made


def _difference(
    one: TaskScores,
    other: TaskScores,
    decisions: tuple[Mapping[str, Decision], Mapping[str, Decision]],
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Difference:
    truth = one.labels
    found = [verdict_of(task, rules) for task, rules in zip((one, other), decisions, strict=True)]
    yes = [verdict.accepted for verdict in found]
    f1 = [Counts.of(truth, answer).f1 for answer in yes]
    auc = auc_interval = None
    if 0 < one.n_positive < len(one):
        rankings = [v.probabilities if t.looser else t.logits for v, t in zip(found, (one, other), strict=True)]
        auc = float(_areas(truth, rankings[1], None)[0] - _areas(truth, rankings[0], None)[0])
        auc_interval = _interval(_resampled_areas(truth, rankings, n_bootstrap, rng))
    return Difference(
        task=one.task,
        n=len(one),
        n_changed=int((yes[0] != yes[1]).sum()),
        n_better=int(((yes[0] != truth) & (yes[1] == truth)).sum()),
        f1=f1[1] - f1[0],
        f1_interval=_interval(_resampled_f1(truth, yes, n_bootstrap, rng)),
        auc=auc,
        auc_interval=auc_interval,
    )


def _resampled_f1(
    truth: NDArray[np.bool_], yes: Sequence[NDArray[np.bool_]], n_bootstrap: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Differences of F1. Of the examples only the eight kinds matter, so the eight counts are drawn directly."""
    kind = truth * 4 + yes[0] * 2 + yes[1]
    drawn = rng.multinomial(len(truth), np.bincount(kind, minlength=8) / len(truth), size=n_bootstrap)
    n_true = drawn[:, 4:].sum(axis=1)
    values = []
    for says_yes in ([2, 3, 6, 7], [1, 3, 5, 7]):
        hits = drawn[:, [k for k in says_yes if k >= 4]].sum(axis=1)
        values.append(2 * hits / np.maximum(n_true + drawn[:, says_yes].sum(axis=1), 1))
    return np.asarray(values[1] - values[0], dtype=np.float64)


def _resampled_areas(
    truth: NDArray[np.bool_], rankings: Sequence[NDArray[np.floating]], n_bootstrap: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    n = len(truth)
    size = max(1, _BLOCK // n)
    parts = []
    for start in range(0, n_bootstrap, size):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=min(size, n_bootstrap - start))
        parts.append(_areas(truth, rankings[1], weights) - _areas(truth, rankings[0], weights))
    return np.concatenate(parts)


def _areas(
    truth: NDArray[np.bool_], ranking: NDArray[np.floating], weights: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    curve = ranking_curve(truth, ranking) if weights is None else ranking_curve(truth, ranking, weights=weights)
    return np.atleast_1d(np.asarray(curve_area(curve), dtype=np.float64))


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    # A resampling may lack one class: its area is NaN and left out.
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
