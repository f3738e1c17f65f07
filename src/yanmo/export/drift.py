"""What an export changed, task by task: F1, calibration, probabilities, decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluate import Counts, TaskScores, calibration_error, reliability_bins
from ..match import Decision

__all__ = ["TaskDrift", "drift_lines", "drift_markdown", "measure_drift"]


@dataclass(frozen=True, slots=True)
class TaskDrift:
    """One task's metrics before and after an export, under the matcher's stored decision rule."""

    task: str
    """Name of the task."""
    n: int
    """Labelled pairs."""
    f1: tuple[float, float]
    """F1 of the matches, before and after."""
    calibration_error: tuple[float, float]
    """Expected calibration error of the probabilities, before and after."""
    mean_change: float
    """Mean absolute change of the probability."""
    largest_change: float
    """Largest absolute change of the probability."""
    n_changed: int
    """Pairs that were decided otherwise."""
    one_decision: float
    """Points of F1 that one more missed match is worth here: differences of this size are luck."""

    @property
    def points_lost(self) -> float:
        """Points of F1 (hundredths) that the export costs; below 0 where it gained."""
        return 100 * (self.f1[0] - self.f1[1])


def measure_drift(
    before: Sequence[TaskScores], after: Sequence[TaskScores], decisions: Mapping[str, Decision]
) -> list[TaskDrift]:
    """Compares two scorings of the same labelled pairs.

    Args:
        before: Labels and logits of each task by the matcher as it was trained.
        after: The same pairs scored by what was exported, tasks in the same order.
        decisions: Calibration and threshold of each task, by name.

    Returns:
        The comparison, one entry a task.
    """
    return [_compare(x, y, decisions[x.task]) for x, y in zip(before, after, strict=True)]


def drift_lines(drifts: Sequence[TaskDrift]) -> list[str]:
    """Formats the comparison for the terminal, one line per task."""
    return [
        f"{drift.task}：{drift.n:,} 对，F1 {drift.f1[0]:.4f} → {drift.f1[1]:.4f}，"
        f"ECE {drift.calibration_error[0]:.4f} → {drift.calibration_error[1]:.4f}，"
        f"概率变化平均 {drift.mean_change:.4f}、最大 {drift.largest_change:.4f}，"
        f"判断改变 {drift.n_changed:,} 对（多漏一对值 {drift.one_decision:.2f} 分 F1）"
        for drift in drifts
    ]


def drift_markdown(drifts: Sequence[TaskDrift]) -> str:
    """Formats the comparison as a Markdown table."""
    rows = [
        "| 任务 | 对数 | F1 前 | F1 后 | ECE 前 | ECE 后 | 概率变化平均 | 最大 | 判断改变 | 多漏一对值 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for drift in drifts:
        numbers = (*drift.f1, *drift.calibration_error, drift.mean_change, drift.largest_change)
        cells = (
            drift.task,
            drift.n,
            *(f"{each:.4f}" for each in numbers),
            drift.n_changed,
            f"{drift.one_decision:.2f} 分",
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def _compare(before: TaskScores, after: TaskScores, decision: Decision) -> TaskDrift:
    labels = before.labels
    p0, p1 = (decision.calibration.probabilities(scores.logits) for scores in (before, after))
    d0, d1 = decision.accepts(p0), decision.accepts(p1)
    counts, changed = Counts.of(labels, d0), np.abs(p1.astype(np.float64) - p0)
    fewer = Counts(counts.true_positives - 1, counts.false_positives, counts.false_negatives + 1, counts.true_negatives)
    return TaskDrift(
        task=before.task,
        n=len(before),
        f1=(counts.f1, Counts.of(labels, d1).f1),
        calibration_error=(
            calibration_error(reliability_bins(labels, p0)),
            calibration_error(reliability_bins(labels, p1)),
        ),
        mean_change=float(changed.mean()),
        largest_change=float(changed.max()),
        n_changed=int(np.count_nonzero(d0 != d1)),
        one_decision=100 * (counts.f1 - fewer.f1) if counts.true_positives else 0.0,
    )
