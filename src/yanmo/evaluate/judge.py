"""How good a matcher is: every number with its interval, every threshold judged on pairs it was not chosen on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match.decisions import Decision
from .calibrate import platt_scaling
from .counts import Counts
from .curve import ranking_curve
from .metrics import average_precision, brier_score, calibration_error, curve_area, reliability_bins
from .official import OfficialScore, official_score
from .scores import Bits, TaskScores
from .smooth_thresholds import smooth_f1_threshold

__all__ = [
    "Interval",
    "Judgement",
    "TaskReport",
    "fit_decision",
    "fit_decisions",
    "judge_across_halves",
    "judge_stored",
]

# Weights drawn at a time, for resampling in flat memory.
_BLOCK = 1 << 22

Interval = tuple[float, float]
"""Lower and upper end of a 95 % bootstrap interval."""


@dataclass(frozen=True, slots=True)
class TaskReport:
    """The metrics of one task, with bootstrap intervals of F1 and AUC."""

    standard: str
    """Its group in the official metric."""
    n: int
    """Labelled pairs."""
    n_positive: int
    """Matches among them."""
    threshold: float
    """Calibrated probability from which on a pair is a match; the mean, where several were judged."""
    f1: float
    """F1 of the matches."""
    f1_interval: Interval
    """Its interval."""
    precision: float
    """Share of true matches among the accepted."""
    recall: float
    """Share of the matches that were accepted."""
    macro_f1: float
    """Mean of the F1 of matches and of non-matches."""
    all_positive_f1: float
    """F1 of deciding that every pair is a match: what any F1 here has to be read beside."""
    base_rate: float | None
    """Share of matches where the task is used, if the task set says one."""
    f1_at_base_rate: float | None
    """F1 of the same decisions at that share; None where it is not said."""
    auc: float | None
    """Area under the ROC curve; None where only one class is present."""
    auc_interval: Interval | None
    """Its interval."""
    average_precision: float | None
    """Mean precision over the matches."""
    calibration_error: float
    """Expected calibration error of the probabilities, ten bins of equal mass."""
    brier: float
    """Brier score of the probabilities."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The metrics of every task, and the official metric over all of them."""

    official: OfficialScore
    """F1 of each standard from counts pooled over its tasks, and their mean."""
    official_interval: Interval
    """Interval of that mean."""
    tasks: dict[str, TaskReport]
    """Reports by task name."""
    thresholds: str
    """Where the thresholds came from: ``stored`` or ``other half``."""

    def as_json(self) -> dict[str, Any]:
        """Gives ``{"official": {"f1", standards..., "interval"}, "thresholds": ..., "tasks": {name: {...}}}``."""
        return {
            "official": {**self.official.as_json(), "interval": list(self.official_interval)},
            "thresholds": self.thresholds,
            "tasks": {name: asdict(report) for name, report in self.tasks.items()},
        }


def fit_decision(scores: TaskScores) -> Decision:
    """Fits calibration (Platt) and threshold (smooth F1) on labelled pairs of one task.

    Args:
        scores: Labels and logits.

    Returns:
        The rule, its F1 not yet judged.
    """
    calibration = platt_scaling(scores.labels, scores.logits)
    threshold = smooth_f1_threshold(scores.labels, calibration.probabilities(scores.logits))
    return Decision(threshold=threshold, calibration=calibration, n_examples=len(scores))


def fit_decisions(scores: Sequence[TaskScores]) -> tuple[dict[str, Decision], Judgement | None]:
    """Fits each task's rule on all its labelled pairs; the F1 noted in it is that of ``judge_across_halves``.

    Args:
        scores: Labels and logits of each task; may be empty.

    Returns:
        The rule of each task by name, and the judgement; None without tasks.

    Raises:
        InputError: A task has fewer than two matches or non-matches.
    """
    if not scores:
        return {}, None
    judgement = judge_across_halves(scores)
    decisions = {}
    for task in scores:
        report = judgement.tasks[task.task]
        rule = fit_decision(task)
        decisions[task.task] = rule.model_copy(update={"f1": report.f1, "interval": report.f1_interval})
    return decisions, judgement


def judge_stored(
    scores: Sequence[TaskScores], decisions: Mapping[str, Decision], *, n_bootstrap: int = 1000, seed: int = 0
) -> Judgement:
    """Measures a matcher's stored calibrations and thresholds on labelled pairs.

    Args:
        scores: Labels and logits of each task.
        decisions: The rule of each task, by name.
        n_bootstrap: Number of resamplings behind the intervals.
        seed: Seed of the resampling.

    Returns:
        The judgement.

    Raises:
        InputError: There is no task to judge.
    """
    judged = {task.task: _Judged(task, [_Rule.of(decisions[task.task], task)]) for task in scores}
    return _judgement(judged, "stored", n_bootstrap, seed)


def judge_across_halves(
    scores: Sequence[TaskScores], *, n_splits: int = 20, n_bootstrap: int = 1000, seed: int = 0
) -> Judgement:
    """Cross-validates in two halves: each half is decided by the calibration and threshold fitted on the other.

    The halves hold the same share of matches. Several random splits are averaged, because one alone moves F1 by a
    point or two on some hundred pairs.

    Args:
        scores: Labels and logits of each task.
        n_splits: Number of random splits.
        n_bootstrap: Number of resamplings behind the intervals; each takes one of the splits.
        seed: Seed of splits and resampling.

    Returns:
        The judgement; counts are summed over the splits.

    Raises:
        InputError: There is no task to judge, or one has fewer than two matches or non-matches.
    """
    rng = np.random.default_rng(seed)
    judged = {}
    for task in scores:
        if min(task.n_positive, len(task) - task.n_positive) < 2:
            raise InputError(
                f"task '{task.task}' has {task.n_positive} matches among {len(task)} pairs: too few to halve",
                fix="judge on more pairs",
            )
        judged[task.task] = _Judged(task, [_across(task, rng) for _ in range(n_splits)])
    return _judgement(judged, "other half", n_bootstrap, seed)


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """The probabilities and decisions that one decision rule gives for the pairs of a task."""

    probabilities: NDArray[np.float32]
    accepted: Bits
    threshold: float

    @classmethod
    def of(cls, decision: Decision, scores: TaskScores) -> "_Rule":
        probabilities = decision.calibration.probabilities(scores.logits)
        return cls(probabilities, decision.accepts(probabilities), decision.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    scores: TaskScores
    rules: list[_Rule]

    @property
    def counts(self) -> Counts:
        first, *rest = (Counts.of(self.scores.labels, rule.accepted) for rule in self.rules)
        return sum(rest, start=first)

    def resampled(self, n_bootstrap: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """True positives, false positives and false negatives of each resampling, [n_bootstrap, 3].

        Of n examples drawn with repetition only the four kinds are counted, so the four counts are drawn directly.
        """
        truth, n = self.scores.labels, len(self.scores)
        counts = np.empty((n_bootstrap, 3), dtype=np.int64)
        for i, rule in enumerate(self.rules):
            yes = rule.accepted
            kinds = [np.count_nonzero(kind) / n for kind in (truth & yes, ~truth & yes, truth & ~yes, ~truth & ~yes)]
            drawn = counts[i :: len(self.rules)]
            drawn[:] = rng.multinomial(n, kinds, size=len(drawn))[:, :3]
        return counts

    def resampled_auc(self, n_bootstrap: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Area under the ROC curve of each resampling, [n_bootstrap]; NaN where one lacks a class."""
        n = len(self.scores)
        areas = []
        for start in range(0, n_bootstrap, max(1, _BLOCK // n)):
            size = min(max(1, _BLOCK // n), n_bootstrap - start)
            weights = rng.multinomial(n, np.full(n, 1 / n), size=size)
            areas.append(curve_area(ranking_curve(self.scores.labels, self.scores.logits, weights=weights)))
        return np.concatenate(areas)


def _across(scores: TaskScores, rng: np.random.Generator) -> _Rule:
    half = np.empty(len(scores), dtype=np.int64)
    for kind in (scores.labels, ~scores.labels):
        rows = rng.permutation(np.flatnonzero(kind))
        half[rows] = (np.arange(len(rows)) + rng.integers(2)) % 2
    probabilities = np.empty(len(scores), dtype=np.float32)
    accepted = np.empty(len(scores), dtype=np.bool_)
    thresholds = []
    for this in (0, 1):
        here, there = half == this, half != this
        rule = fit_decision(TaskScores(scores.task, scores.standard, scores.labels[there], scores.logits[there]))
        probabilities[here] = rule.calibration.probabilities(scores.logits[here])
        accepted[here] = rule.accepts(probabilities[here])
        thresholds.append(rule.threshold)
    return _Rule(probabilities, accepted, float(np.mean(thresholds)))


def _judgement(judged: Mapping[str, _Judged], thresholds: str, n_bootstrap: int, seed: int) -> Judgement:
    rng = np.random.default_rng(seed)
    standards = {name: task.scores.standard for name, task in judged.items()}
    pooled = {standard: np.zeros((n_bootstrap, 3), dtype=np.int64) for standard in standards.values()}
    reports = {}
    for name, task in judged.items():
        resampled = task.resampled(n_bootstrap, rng)
        pooled[task.scores.standard] += resampled
        reports[name] = _report(task, _f1(resampled), task.resampled_auc(n_bootstrap, rng))
    score = official_score({name: task.counts for name, task in judged.items()}, standards=standards)
    spread = np.mean([_f1(counts) for counts in pooled.values()], axis=0)
    return Judgement(score, _interval(spread), reports, thresholds)


def _report(task: _Judged, f1_spread: NDArray[np.float64], auc_spread: NDArray[np.float64]) -> TaskReport:
    scores, counts = task.scores, task.counts
    curve = ranking_curve(scores.labels, scores.logits)
    auc = float(curve_area(curve)[()]) if 0 < scores.n_positive < len(scores) else None
    errors = [calibration_error(reliability_bins(scores.labels, rule.probabilities)) for rule in task.rules]
    return TaskReport(
        standard=scores.standard,
        n=len(scores),
        n_positive=scores.n_positive,
        threshold=float(np.mean([rule.threshold for rule in task.rules])),
        f1=counts.f1,
        f1_interval=_interval(f1_spread),
        precision=counts.precision,
        recall=counts.recall,
        macro_f1=counts.macro_f1,
        all_positive_f1=counts.all_positive_f1,
        base_rate=scores.base_rate,
        f1_at_base_rate=None if scores.base_rate is None else counts.f1_at(scores.base_rate),
        auc=auc,
        auc_interval=None if auc is None else _interval(auc_spread),
        average_precision=average_precision(scores.labels, scores.logits),
        calibration_error=float(np.mean(errors)),
        brier=float(np.mean([brier_score(scores.labels, rule.probabilities) for rule in task.rules])),
    )


def _f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    hits = 2 * counts[:, 0]
    return np.asarray(hits / np.maximum(hits + counts[:, 1] + counts[:, 2], 1), dtype=np.float64)


def _interval(values: NDArray[np.float64]) -> Interval:
    # A resampling may lack one class: its area is NaN and left out.
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
