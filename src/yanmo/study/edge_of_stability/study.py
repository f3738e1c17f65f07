"""The study *edge-of-stability*: gradient descent sharpens its loss until the rate forbids more."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from ...errors import InputError
from ...progress import RunProgress
from ..outcome import StudyOutcome
from .descent import DescentPlan, FittedDigits, run_descent
from .exactness import compare_with_dense
from .figures import draw_edge
from .tables import edge_table, exactness_table

__all__ = ["run_edge_of_stability"]


@dataclass(frozen=True, slots=True)
class _EdgePlan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    descent: DescentPlan
    rates: tuple[float, ...]
    with_momentum: tuple[tuple[float, float], ...]
    reference_rate: float
    seeds: tuple[int, ...]
    trained_for: tuple[float, ...]


_FULL = _EdgePlan(
    descent=DescentPlan(total_time=400.0, n_train=500, hidden_width=66, n_readings=101),
    rates=(0.08, 0.1, 0.14, 0.2),
    with_momentum=((0.15, 0.5), (0.2, 0.9)),
    reference_rate=0.01,
    seeds=(0, 1, 2),
    trained_for=(0.0, 200.0),
)
_QUICK = _EdgePlan(
    descent=DescentPlan(total_time=120.0, n_train=100, hidden_width=16, n_readings=31),
    rates=(0.14, 0.2),
    with_momentum=((0.2, 0.3),),
    reference_rate=0.02,
    seeds=(0,),
    trained_for=(0.0, 40.0),
)


def run_edge_of_stability(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Follows the sharpness of gradient descent at several rates, with and without momentum.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: Must be None.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: ``data`` is given, which this study could only ignore.

    Source: arXiv:2103.00065; kexue.fm/archives/7787 for what rates below the edge do.
    """
    if data is not None:
        raise InputError("this study learns the digits of scikit-learn", where=data, fix="leave --data out")
    plan = _QUICK if quick else _FULL
    jobs = [(plan.reference_rate, 0.0), *((rate, 0.0) for rate in plan.rates), *plan.with_momentum]
    runs: list[dict[str, Any]] = []
    with RunProgress(console) as progress:
        exact = _exactness(plan)
        total, done = len(jobs) * len(plan.seeds) * plan.descent.n_readings, 0

        def on_reading() -> None:
            nonlocal done
            done += 1
            progress.show("gradient descent", done, total, unit="readings")

        for rate, momentum in jobs:
            for seed in plan.seeds:
                run = run_descent(plan.descent, rate=rate, momentum=momentum, seed=seed, on_reading=on_reading)
                runs.append(asdict(run))
    numbers = {"plan": asdict(plan), "exact": exact, "runs": runs}
    return StudyOutcome(
        name="edge_of_stability",
        seeds=plan.seeds,
        numbers=numbers,
        tables=[exactness_table(exact), edge_table(runs)],
        figures={"runs": draw_edge(runs)},
    )


def _exactness(plan: _EdgePlan) -> list[dict[str, Any]]:
    """Compares probe and dense eigenvalues at the start, and after training for some time, in float64."""
    sizes, found = plan.descent, []
    for total_time in plan.trained_for:
        digits = FittedDigits(sizes.n_train, hidden_width=sizes.hidden_width, seed=0, dtype=torch.float64)
        optimizer = torch.optim.SGD(digits.network.parameters(), lr=plan.rates[0])
        for _ in range(round(total_time / plan.rates[0])):
            optimizer.zero_grad()
            digits.loss().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        found.append({"time": total_time} | compare_with_dense(digits))
    return found
