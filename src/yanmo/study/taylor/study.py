"""The study ``taylor``: exact minima, Taylor softmax as a loss, and what linear Taylor attention costs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console

from ...layers import taylor_minimum
from ...progress import RunProgress
from ..classification_tasks import ClassificationTask, bundled_task, corpus_task, digits_task
from ..outcome import StudyOutcome
from .cost import KERNELS, break_even, growth_exponent, measure_costs
from .figures import attention_figure, loss_figure, polynomial_figure
from .losses import LOSSES, TrainingPlan, compare_losses
from .minima import PUBLISHED_MINIMA, exact_minimum, significant
from .tables import attention_table, loss_table, minimum_table

__all__ = ["run_taylor"]

_HEAD_WIDTHS = (32, 64)


def run_taylor(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Runs the study.

    Args:
        quick: Two seeds, one rate, few epochs and short attention.
        data: Its folder ``corpus`` holds text files, one document a line, each file a class; None cuts snippets from
            the texts that ship.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: The data cannot be used.
    """
    if quick:
        plans = [TrainingPlan(rates=(3e-3,), n_epochs=3, seeds=(0, 1))] * 2
        lengths, n_repeats = [64, 128, 256], 1
    else:
        seeds = tuple(range(5))
        plans = [
            TrainingPlan(rates=(3e-3, 1e-2), n_epochs=60, seeds=seeds),
            TrainingPlan(rates=(1e-3, 3e-3), n_epochs=8, seeds=seeds),
        ]
        lengths, n_repeats = [512 << i for i in range(6)], 2
    text = bundled_task(n_documents=12) if data is None else corpus_task(data, n_per_class=60 if quick else 300)
    with RunProgress(console) as progress:
        minima = _minima()
        tasks = zip((digits_task(), text), plans, strict=True)
        losses = {task.name: _compare(task, plan, progress) for task, plan in tasks}
        attention = _attention(lengths, n_repeats, progress)
    numbers: dict[str, Any] = {"minima": minima, "losses": losses, "attention": attention}
    return StudyOutcome(
        name="taylor",
        seeds=plans[0].seeds,
        numbers=numbers,
        tables=[
            minimum_table(minima),
            *(loss_table(name, found["readings"]) for name, found in losses.items()),
            *(attention_table(found) for found in attention),
        ],
        figures={
            "polynomials": polynomial_figure(minima),
            "losses": loss_figure({name: found["readings"] for name, found in losses.items()}),
            "attention": attention_figure(attention),
        },
    )


def _minima() -> list[dict[str, Any]]:
    rows = []
    for order in range(2, 21, 2):
        found = exact_minimum(order)
        ours = taylor_minimum(order)
        row = {
            "order": order,
            "x": found.x,
            "value": found.value,
            "x_to_the_n_over_n_factorial": found.from_proof,
            "gap_at_bracket": found.gap,
            "layer_agrees": found.left <= Fraction(ours.x) <= found.right
            or abs(Fraction(ours.x) - found.left) <= abs(ours.x) * Fraction(1, 2**52),
        }
        if order in PUBLISHED_MINIMA:
            x, value = PUBLISHED_MINIMA[order]
            row |= {"published_x": x, "published_value": value}
            row["matches_published"] = _six(found.x) == x and _six(found.value) == value
        rows.append(row)
    return rows


def _six(digits: str) -> str:
    return significant(Fraction(digits), 6).rstrip("0").rstrip(".")


def _compare(task: ClassificationTask, plan: TrainingPlan, progress: RunProgress) -> dict[str, Any]:
    done, total = 0, len(LOSSES) * len(plan.seeds)

    def on_run() -> None:
        nonlocal done
        done += 1
        progress.show(task.name, done, total, unit="runs")

    progress.show(task.name, 0, total, unit="runs")
    return {
        "n_examples": len(task.labels),
        "classes": task.classes,
        "plan": asdict(plan),
        "readings": compare_losses(task, plan, on_run=on_run),
    }


def _attention(lengths: Sequence[int], n_repeats: int, progress: RunProgress) -> list[dict[str, Any]]:
    settings = [(width, False) for width in _HEAD_WIDTHS] + [(_HEAD_WIDTHS[-1], True)]
    done, total = 0, len(settings) * len(lengths)

    def on_length() -> None:
        nonlocal done
        done += 1
        progress.show("attention", done, total, unit="lengths")

    progress.show("attention", 0, total, unit="lengths")
    found = []
    for width, is_training in settings:
        costs = measure_costs(
            lengths, head_width=width, is_training=is_training, n_repeats=n_repeats, on_length=on_length
        )
        found.append(
            {
                "head_width": width,
                "with_gradient": is_training,
                "lengths": list(lengths),
                "costs": costs,
                "time_exponents": _exponents(lengths, costs, "seconds"),
                "memory_exponents": _exponents(lengths, costs, "bytes"),
                "break_even": break_even(lengths, costs["linear_taylor"]["seconds"], costs["softmax"]["seconds"]),
            }
        )
    return found


def _exponents(
    lengths: Sequence[int], costs: Mapping[str, Mapping[str, Sequence[float | int | None]]], what: str
) -> dict[str, float | None]:
    """Growth from 2,048 tokens on, or over all lengths where the run has none so long."""
    shortest = 2048 if lengths[-1] > 2048 else 0
    return {name: growth_exponent(lengths, costs[name][what], shortest=shortest) for name in KERNELS}
