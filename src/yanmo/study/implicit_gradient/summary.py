"""What the runs of gradient descent say together: means over the seeds, and differences within each seed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .training import DescentPlan, DescentRun, Way

__all__ = ["squared_norm_ratio", "summarize"]


def summarize(runs: Sequence[DescentRun], plan: DescentPlan) -> dict[str, Any]:
    """Summarizes the runs of one task over the seeds.

    Args:
        runs: Of every seed in every way.
        plan: What they were trained by.

    Returns:
        ``edge``, the rate from which gradient descent overshoots on the smallest rate's path, 2 over its largest
        sharpness; ``rows``, means and standard deviations by way and rate; and ``runs``.
    """
    by_seed = {(run.way, run.rate, run.seed): run for run in runs}
    rows = []
    for way, rate in plan.jobs():
        group = [by_seed[way, rate, seed] for seed in plan.seeds]
        small = [by_seed[Way.PLAIN, plan.rates[0], seed] for seed in plan.seeds]
        large = [by_seed[Way.PLAIN, rate, seed] for seed in plan.seeds]
        row: dict[str, Any] = {"way": way.value, "rate": rate}
        for key in ("accuracy", "nll", "train_loss", "squared_norm", "sharpness", "distance"):
            row[key] = _spread([getattr(run, key) for run in group])
        pairs = list(zip(group, small, strict=True))
        for key in ("accuracy", "nll", "sharpness"):
            row[f"{key}_minus_smallest"] = _spread([getattr(run, key) - getattr(base, key) for run, base in pairs])
        row["squared_norm_ratio_at_equal_loss"] = _spread([squared_norm_ratio(run, base) for run, base in pairs])
        if way is not Way.PLAIN:
            both = list(zip(group, large, strict=True))
            row["accuracy_minus_imitated"] = _spread([run.accuracy - aim.accuracy for run, aim in both])
            row["recovered"] = _spread([run.recovered for run in group if run.recovered is not None])
        rows.append(row)
    edges = [2 / run.peak_sharpness for run in runs if run.peak_sharpness is not None]
    return {"edge": _spread(edges), "rows": rows, "runs": [asdict(run) for run in runs]}


def squared_norm_ratio(run: DescentRun, base: DescentRun) -> float:
    """Returns the ratio of two runs' squared gradient norms when each last had the same loss.

    At the end of equal times the loss differs too, and a lower loss alone has a smaller gradient. The loss compared at
    is the larger of the two at the end; between two looks both run along a straight line in logarithms.

    Args:
        run: One run.
        base: What it is compared with.

    Returns:
        ``run``'s squared norm over ``base``'s.
    """
    level = float(np.log(max(run.train_loss, base.train_loss)))
    return float(np.exp(_at_level(run, level) - _at_level(base, level)))


def _at_level(run: DescentRun, level: float) -> float:
    losses, squares = np.log(run.losses), np.log(run.squared_norms)
    above = np.flatnonzero(losses > level)
    if not len(above) or above[-1] == len(losses) - 1:
        return float(squares[-1])
    i = above[-1]
    share = (losses[i] - level) / (losses[i] - losses[i + 1])
    return float(squares[i] + share * (squares[i + 1] - squares[i]))


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}
