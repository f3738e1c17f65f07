"""The study ``implicit-gradient``: what gradient descent of a finite rate minimizes, by the step and in training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ...progress import RunProgress
from ..classification_tasks import ClassificationTask, bundled_task, corpus_task, digits_task
from ..outcome import StudyOutcome
from .figures import draw_path, draw_steps, draw_training
from .losses import network_loss, product_loss, quadratic_loss
from .path import follow_product
from .steps import FITTED, measure_steps
from .summary import summarize
from .tables import path_table, step_table, training_table
from .training import DescentPlan, train_all

__all__ = ["run_implicit_gradient"]


@dataclass(frozen=True, slots=True)
class _ImplicitGradientPlan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    scaled_rates: tuple[float, ...]
    n_steps: int
    n_per_class: int
    training: tuple[DescentPlan, DescentPlan]


_RATES = (0.125, 0.25, 0.5, 1.0, 1.5, 2.0)
_SEEDS = (0, 1, 2, 3, 4)
_FULL = _ImplicitGradientPlan(
    scaled_rates=tuple(np.logspace(-6, 0, 31).tolist()),
    n_steps=40,
    n_per_class=200,
    training=(
        DescentPlan(_RATES, difference_rate=1.0, total_time=200.0, n_train=600, hidden_width=32, seeds=_SEEDS),
        DescentPlan(_RATES, difference_rate=1.0, total_time=60.0, n_train=1000, hidden_width=32, seeds=_SEEDS),
    ),
)
_SMALL = DescentPlan((0.25, 0.5, 1.0), difference_rate=0.5, total_time=6.0, n_train=200, hidden_width=16, seeds=(0, 1))
_QUICK = _ImplicitGradientPlan(
    scaled_rates=tuple(np.logspace(-4, 0, 9).tolist()),
    n_steps=20,
    n_per_class=20,
    training=(_SMALL, _SMALL),
)


def run_implicit_gradient(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Runs the study.

    Args:
        quick: Fewer rates, two seeds, small networks and short trainings.
        data: Its folder ``corpus`` holds text files, one document a line, each file a class; None cuts snippets from
            the texts that ship.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: The data cannot be used.

    Source: kexue.fm/archives/7787; arXiv:2009.11162.
    """
    plan = _QUICK if quick else _FULL
    text = bundled_task(n_documents=12) if data is None else corpus_task(data, n_per_class=plan.n_per_class)
    with RunProgress(console) as progress:
        steps = _steps(plan.scaled_rates, progress)
        path = follow_product(rate=0.08, n_steps=plan.n_steps)
        tasks = zip((digits_task(), text), plan.training, strict=True)
        training = {task.name: _train(task, training, progress) for task, training in tasks}
    return StudyOutcome(
        name="implicit_gradient",
        seeds=plan.training[0].seeds,
        numbers={"fitted": FITTED, "steps": steps, "path": path, "training": training},
        tables=[
            step_table(steps),
            path_table(path),
            *(training_table(name, found) for name, found in training.items()),
        ],
        figures={"steps": draw_steps(steps), "path": draw_path(path), "training": draw_training(training)},
    )


def _steps(scaled_rates: Sequence[float], progress: RunProgress) -> dict[str, Any]:
    examples = (quadratic_loss(), product_loss(), network_loss())
    done, total = 0, len(examples) * len(scaled_rates)

    def on_rate() -> None:
        nonlocal done
        done += 1
        progress.show("one step", done, total, unit="rates")

    return {
        example.title: asdict(measure_steps(example.loss, example.start, scaled_rates=scaled_rates, on_rate=on_rate))
        for example in examples
    }


def _train(task: ClassificationTask, plan: DescentPlan, progress: RunProgress) -> dict[str, Any]:
    done, total = 0, len(plan.jobs()) * len(plan.seeds)

    def on_run() -> None:
        nonlocal done
        done += 1
        progress.show(task.name, done, total, unit="runs")

    progress.show(task.name, 0, total, unit="runs")
    runs = train_all(task, plan, on_run=on_run)
    return {
        "n_examples": len(task.labels),
        "classes": task.classes,
        "plan": asdict(plan),
        **summarize(runs, plan),
    }
