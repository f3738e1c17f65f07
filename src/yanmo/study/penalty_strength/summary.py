"""What the runs of one task say together: each against the plain run of its own seed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.stats import t as student

from .training import PLAIN, StrengthPlan, StrengthRun, Way

__all__ = ["summarize"]


def summarize(runs: Sequence[StrengthRun], plan: StrengthPlan) -> dict[str, Any]:
    """Summarizes the runs of one task over the seeds.

    Args:
        runs: Of every seed in every arm.
        plan: What they were trained by.

    Returns:
        ``rows``, one an arm: means and standard deviations, and the difference of accuracy (at the end, and of the
        best look) from the plain run of the same seed with its 95 % interval (Student's, paired); ``diverged`` counts
        the runs that ended above their start or left the numbers, which are in no mean; and ``runs``.
    """
    by_arm = {(run.way, run.strength, run.seed): run for run in runs}
    rows = []
    for arm in (PLAIN, *plan.arms):
        both = [(by_arm[arm.way, arm.strength, seed], by_arm[Way.PLAIN, PLAIN.strength, seed]) for seed in plan.seeds]
        kept = [(run, plain) for run, plain in both if run.accuracy is not None]
        row: dict[str, Any] = {"way": arm.way.value, "strength": arm.strength, "diverged": len(both) - len(kept)}
        for key in ("accuracy", "best_accuracy", "nll", "train_loss", "squared_norm", "sharpness"):
            row[key] = _spread([getattr(run, key) for run, _ in kept])
        for key in ("accuracy", "best_accuracy"):
            row[f"{key}_gain"] = _paired([getattr(run, key) - getattr(plain, key) for run, plain in kept])
        rows.append(row)
    return {"rows": rows, "runs": [asdict(run) for run in runs]}


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))} if len(values) > 1 else None


def _paired(differences: Sequence[float]) -> dict[str, float] | None:
    if len(differences) < 2:
        return None
    mean, n = float(np.mean(differences)), len(differences)
    half = float(student.ppf(0.975, n - 1)) * float(np.std(differences, ddof=1)) / n**0.5
    return {"mean": mean, "low": mean - half, "high": mean + half}
