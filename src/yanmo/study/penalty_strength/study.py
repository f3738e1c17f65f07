"""The study *penalty-strength*: how strong a penalty has to be before it shows, and what else does the same."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ...progress import RunProgress
from ..classification_tasks import bundled_task, corpus_task, digits_task
from ..outcome import StudyOutcome
from .figures import draw_strengths
from .summary import summarize
from .tables import strength_table
from .training import Arm, StrengthPlan, Way, train_arms

__all__ = ["run_penalty_strength"]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    n_per_class: int
    plans: tuple[StrengthPlan, StrengthPlan]


_STRENGTHS = {
    Way.PENALTY: (1.0, 3.0, 10.0, 30.0, 100.0),
    Way.SAM: (0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    Way.RATE: (2.0, 5.0, 10.0, 15.0),
    Way.BATCH: (10.0, 50.0),
}
_ARMS = tuple(Arm(way, strength) for way, some in _STRENGTHS.items() for strength in some)
_SEEDS = tuple(range(10))
_FULL = _Sizes(
    n_per_class=200,
    plans=(
        StrengthPlan(rate=0.1, total_time=200.0, n_train=300, hidden_width=32, arms=_ARMS, seeds=_SEEDS),
        StrengthPlan(rate=0.1, total_time=60.0, n_train=600, hidden_width=32, arms=_ARMS, seeds=_SEEDS),
    ),
)
_FEW = (
    *(Arm(Way.PENALTY, strength) for strength in (10.0, 100.0)),
    Arm(Way.SAM, 0.1),
    Arm(Way.RATE, 5.0),
    Arm(Way.BATCH, 20.0),
)
_SMALL = StrengthPlan(rate=0.1, total_time=10.0, n_train=100, hidden_width=16, arms=_FEW, seeds=(0, 1, 2))
_QUICK = _Sizes(n_per_class=20, plans=(_SMALL, _SMALL))


def run_penalty_strength(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Trains by every way and strength with ten seeds, and compares each with the plain run of its seed.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: Its folder ``corpus`` holds text files, one document a line, each file a class; None cuts snippets from
            the texts that ship.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: The data cannot be used.

    Source: kexue.fm/archives/7787; arXiv:2009.11162 (penalty), 2010.01412 (SAM).
    """
    sizes = _QUICK if quick else _FULL
    text = bundled_task(n_documents=12) if data is None else corpus_task(data, n_per_class=sizes.n_per_class)
    tasks = list(zip((digits_task(), text), sizes.plans, strict=True))
    total, done = sum(len(plan.seeds) * (1 + len(plan.arms)) for _, plan in tasks), 0
    found: dict[str, dict[str, Any]] = {}
    with RunProgress(console) as progress:

        def on_run() -> None:
            nonlocal done
            done += 1
            progress.show("训练 training", done, total, unit="runs")

        for task, plan in tasks:
            found[task.name] = summarize(train_arms(task, plan, on_run=on_run), plan)
    return StudyOutcome(
        name="penalty_strength",
        seeds=sizes.plans[0].seeds,
        numbers={"plan": asdict(sizes), "tasks": found},
        tables=[strength_table(name, task) for name, task in found.items()],
        figures={"accuracy": draw_strengths(found)},
    )
