"""How good a matcher is: every number with its interval, every threshold judged on pairs it was not chosen on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..match.decisions import Decision
from ..match.verdicts import Verdict
from .counts import Counts
from .curve import ranking_curve
from .metrics import average_precision, brier_score, calibration_error, curve_area, reliability_bins
from .no_errors import wilson_auc, wilson_f1
from .official import OfficialScore, official_score
from .ordinal import mean_ndcg, spearman
from .rules import Halves, fit_all, halve, verdict_of
from .scores import TaskScores

__all__ = [
    "Interval",
    "Judgement",
    "TaskReport",
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
    spearman: float | None = None
    """Rank correlation with graded labels; None where labels are yes and no."""
    ndcg: float | None = None
    """Mean NDCG at 10 over the first texts with second texts of several grades; None where there are none."""
    n_queries: int = 0
    """How many such first texts there are."""


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
    fitted, reports = fit_all(scores), judgement.tasks
    decisions = {
        name: rule.model_copy(update={"f1": reports[name].f1, "interval": reports[name].f1_interval})
        for name, rule in fitted.items()
    }
    return decisions, judgement


def judge_stored(
    scores: Sequence[TaskScores], decisions: Mapping[str, Decision], *, n_bootstrap: int = 1000, seed: int = 0
) -> Judgement:
    """Measures a matcher's stored calibrations and thresholds on labelled pairs.

    Args:
        scores: Labels and logits of each task.
        decisions: The rule of each task, by name, and of the looser tasks that it implies.
        n_bootstrap: Number of resamplings behind the intervals.
        seed: Seed of the resampling.

    Returns:
        The judgement.

    Raises:
        InputError: There is no task to judge.
    """
    judged = {}
    for task in scores:
        found = verdict_of(task, decisions)
        judged[task.task] = _Judged(task, [found], decisions[task.task].threshold, found.probabilities)
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
    splits: list[dict[str, Halves]] = []
    for _ in range(n_splits):
        halved: dict[str, Halves] = {}
        for task in sorted(scores, key=lambda each: len(each.looser)):
            halved[task.task] = halve(task, halved, rng)
        splits.append(halved)
    # Calibrations of two halves would mix two scales into one ranking.
    whole = fit_all(scores)
    judged = {}
    for task in scores:
        found = [halved[task.task] for halved in splits]
        threshold = float(np.mean([each.threshold for each in found]))
        ranking = verdict_of(task, whole).probabilities
        judged[task.task] = _Judged(task, [each.verdict for each in found], threshold, ranking)
    return _judgement(judged, "other half", n_bootstrap, seed)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    scores: TaskScores
    verdicts: list[Verdict]
    """One for each way of choosing the rules."""
    threshold: float
    served: NDArray[np.float32]
    """Probabilities as they are given out, float32[n]."""

    @property
    def ranking(self) -> NDArray[Any]:
        """What the pairs are ranked by: the logits, or the probability where looser tasks have a say in it."""
        return self.served if self.scores.looser else self.scores.logits

    @property
    def counts(self) -> Counts:
        first, *rest = (Counts.of(self.scores.labels, each.accepted) for each in self.verdicts)
        return sum(rest, start=first)

    def resampled(self, n_bootstrap: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """True positives, false positives and false negatives of each resampling, [n_bootstrap, 3].

        Of n examples drawn with repetition only the four kinds are counted, so the four counts are drawn directly.
        """
        truth, n = self.scores.labels, len(self.scores)
        counts = np.empty((n_bootstrap, 3), dtype=np.int64)
        for i, each in enumerate(self.verdicts):
            yes = each.accepted
            kinds = [np.count_nonzero(kind) / n for kind in (truth & yes, ~truth & yes, truth & ~yes, ~truth & ~yes)]
            drawn = counts[i :: len(self.verdicts)]
            drawn[:] = rng.multinomial(n, kinds, size=len(drawn))[:, :3]
        return counts

    def resampled_auc(self, n_bootstrap: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Area under the ROC curve of each resampling, [n_bootstrap]; NaN where one lacks a class."""
        n = len(self.scores)
        areas = []
        for start in range(0, n_bootstrap, max(1, _BLOCK // n)):
            size = min(max(1, _BLOCK // n), n_bootstrap - start)
            weights = rng.multinomial(n, np.full(n, 1 / n), size=size)
            areas.append(curve_area(ranking_curve(self.scores.labels, self.ranking, weights=weights)))
        return np.concatenate(areas)


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
    interval = _interval(spread)
    if set(score.standards.values()) <= {0.0, 1.0}:  # nothing varied
        ends = np.array([_pooled_wilson(judged, standard, f1) for standard, f1 in score.standards.items()])
        interval = (float(ends[:, 0].mean()), float(ends[:, 1].mean()))
    return Judgement(score, interval, reports, thresholds)


def _pooled_wilson(judged: Mapping[str, _Judged], standard: str, f1: float) -> Interval:
    n = sum(
        (task.counts.true_positives + task.counts.false_positives + task.counts.false_negatives) / len(task.verdicts)
        for task in judged.values()
        if task.scores.standard == standard
    )
    return wilson_f1(f1, n) if n else (f1, f1)


def _report(task: _Judged, f1_spread: NDArray[np.float64], auc_spread: NDArray[np.float64]) -> TaskReport:
    scores, counts = task.scores, task.counts
    rank_correlation, gain, n_queries = _graded(task)
    curve = ranking_curve(scores.labels, task.ranking)
    auc = float(curve_area(curve)[()]) if 0 < scores.n_positive < len(scores) else None
    errors = [calibration_error(reliability_bins(scores.labels, each.probabilities)) for each in task.verdicts]
    return TaskReport(
        standard=scores.standard,
        n=len(scores),
        n_positive=scores.n_positive,
        threshold=task.threshold,
        f1=counts.f1,
        f1_interval=_f1_interval(task, f1_spread),
        precision=counts.precision,
        recall=counts.recall,
        macro_f1=counts.macro_f1,
        all_positive_f1=counts.all_positive_f1,
        base_rate=scores.base_rate,
        f1_at_base_rate=None if scores.base_rate is None else counts.f1_at(scores.base_rate),
        auc=auc,
        auc_interval=None if auc is None else _auc_interval(scores, auc, auc_spread),
        average_precision=average_precision(scores.labels, task.ranking),
        calibration_error=float(np.mean(errors)),
        brier=float(np.mean([brier_score(scores.labels, each.probabilities) for each in task.verdicts])),
        spearman=rank_correlation,
        ndcg=gain,
        n_queries=n_queries,
    )


def _graded(task: _Judged) -> tuple[float | None, float | None, int]:
    """Rank correlation and NDCG where every pair's label is a grade."""
    pairs = task.scores.pairs or ()
    grades = [pair.grade for pair in pairs if pair.grade is not None]
    if not grades or len(grades) < len(pairs):
        return None, None, 0
    gain, n_queries = mean_ndcg(grades, task.ranking, [pair.text0 for pair in pairs])
    return spearman(grades, task.ranking), gain, n_queries


def _f1_interval(task: _Judged, spread: NDArray[np.float64]) -> Interval:
    counts = task.counts
    if counts.f1 not in (0.0, 1.0) or not counts.true_positives + counts.false_positives + counts.false_negatives:
        return _interval(spread)
    n = counts.true_positives + counts.false_positives + counts.false_negatives
    return wilson_f1(counts.f1, n / len(task.verdicts))


def _auc_interval(scores: TaskScores, auc: float, spread: NDArray[np.float64]) -> Interval:
    rarer = float(min(scores.n_positive, len(scores) - scores.n_positive))
    return wilson_auc(auc, rarer) if auc in (0.0, 1.0) else _interval(spread)


def _f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    hits = 2 * counts[:, 0]
    return np.asarray(hits / np.maximum(hits + counts[:, 1] + counts[:, 2], 1), dtype=np.float64)


def _interval(values: NDArray[np.float64]) -> Interval:
    # A resampling may lack one class: its area is NaN and left out.
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
