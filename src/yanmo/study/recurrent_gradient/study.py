"""The study *recurrent-gradient*: what becomes of a gradient in recurrent networks, before and beside learning."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ...errors import InputError
from ...probe import GradientFlow, recurrent_flow
from ...progress import RunProgress
from ..outcome import StudyOutcome
from .adding_problem import AddingPlan, learn_sums
from .cells import CellKind, Start
from .figures import draw_adding, draw_bound, draw_distances, draw_steadiness
from .flows import FlowPlan, flows, gain_scan, jacobian_errors, matrix_terms
from .tables import adding_table, distance_table, exact_table, steadiness_table
from .tanh_bound import offset_bound, tanh_bound

__all__ = ["run_recurrent_gradient"]

# Cells whose matrices are compared by their size; ReLU overflows as soon as they are larger than 1.
_SCANNED = tuple(kind for kind in CellKind if kind is not CellKind.RELU)


@dataclass(frozen=True, slots=True)
class _RecurrentGradientPlan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    distance: FlowPlan
    scan: FlowPlan
    gains: tuple[float, ...]
    lengths: tuple[int, ...]
    learn: AddingPlan
    learners: tuple[CellKind, ...]
    learner_width: int
    learner_seeds: tuple[int, ...]


_FULL = _RecurrentGradientPlan(
    distance=FlowPlan(n_steps=1000, hidden_width=32, n_sequences=4, seeds=(0, 1, 2, 3, 4)),
    scan=FlowPlan(n_steps=100, hidden_width=32, n_sequences=4, seeds=(0, 1, 2, 3, 4, 5, 6, 7)),
    gains=(0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0),
    lengths=(100, 400),
    learn=AddingPlan(n_updates=600),
    learners=(CellKind.TANH, CellKind.RELU, CellKind.LSTM, CellKind.GRU, CellKind.RESET_LAST),
    learner_width=32,
    learner_seeds=(0, 1, 2),
)
_QUICK = _RecurrentGradientPlan(
    distance=FlowPlan(n_steps=60, hidden_width=8, n_sequences=2, seeds=(0, 1)),
    scan=FlowPlan(n_steps=20, hidden_width=8, n_sequences=2, seeds=(0, 1)),
    gains=(1.0, 4.0),
    lengths=(10,),
    learn=AddingPlan(n_updates=120, n_between=10),
    learners=(CellKind.TANH, CellKind.GRU, CellKind.RESET_LAST),
    learner_width=16,
    learner_seeds=(0,),
)


def run_recurrent_gradient(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Measures the gradient flow of every recurrent cell, and trains them where it matters.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: Must be None.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: ``data`` is given, which this study could only ignore.

    Source: kexue.fm/archives/7888.
    """
    if data is not None:
        raise InputError("this study draws its own sequences", where=data, fix="leave --data out")
    plan = _QUICK if quick else _FULL
    with RunProgress(console) as progress:
        exact = _exact(plan)
        distances = _distances(plan, progress)
        steadiness = _steadiness(plan, progress)
        adding = [
            row
            for length in plan.lengths
            for kind in plan.learners
            for clips in ((True,) if kind.gated else (True, False))
            for row in _adding(plan, kind, length, progress, clips=clips)
        ]
    return StudyOutcome(
        name="recurrent_gradient",
        seeds=tuple(sorted({*plan.distance.seeds, *plan.scan.seeds, *plan.learner_seeds})),
        numbers={"exact": exact, "distances": distances, "steadiness": steadiness, "adding": adding},
        tables=[exact_table(exact), distance_table(distances), steadiness_table(steadiness), adding_table(adding)],
        figures={
            "bound": draw_bound(),
            "distance": draw_distances(distances),
            "steadiness": draw_steadiness(steadiness),
            "adding": draw_adding(adding),
        },
    )


def _exact(plan: _RecurrentGradientPlan) -> dict[str, Any]:
    offsets = (0.0, 0.5, 1.0, 2.0, 4.0)
    return {
        "jacobian_error": {kind.value: jacobian_errors(kind, seeds=plan.scan.seeds) for kind in CellKind},
        "tanh_bound": str(tanh_bound(digits=30)),
        "offset_bound": {f"{offset:g}": offset_bound(offset) for offset in offsets},
    }


def _starts(kind: CellKind) -> tuple[Start, ...]:
    plain = (Start(), Start(gain=1.0))
    if kind.gated:
        return (*plain, Start(gain=1.0, keep=1.0), Start(gain=1.0, keep=5.0))
    return (*plain, Start(identity=True)) if kind is CellKind.RELU else plain


def _distances(plan: _RecurrentGradientPlan, progress: RunProgress) -> dict[str, Any]:
    jobs = [(kind, start) for kind in CellKind for start in _starts(kind)]
    shown = np.unique(np.linspace(0, plan.distance.n_steps, 51).astype(int))
    rows = []
    for done, (kind, start) in enumerate(jobs, start=1):
        measured = flows(kind, start, plan=plan.distance)
        curve = np.stack([flow.log_norms.numpy()[shown] for flow in measured]) / np.log(10)
        rows.append(
            {
                "cell": kind.value,
                "start": start.label,
                "rate": [flow.rate for flow in measured],
                "half_life": [flow.half_life for flow in measured],
                "r_squared": [flow.r_squared for flow in measured],
                "verdict": [flow.verdict.value for flow in measured],
                "log10_norm": curve,
            }
        )
        progress.show("gradient against distance", done, len(jobs), unit="cells")
    return {"distance": shown, "n_steps": plan.distance.n_steps, "rows": rows}


def _steadiness(plan: _RecurrentGradientPlan, progress: RunProgress) -> dict[str, Any]:
    rates: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    for done, kind in enumerate(_SCANNED, start=1):
        rates[kind.value] = gain_scan(kind, gains=plan.gains, plan=plan.scan)
        if kind.gated:
            terms[kind.value] = np.stack([matrix_terms(kind, gain=gain, plan=plan.scan) for gain in plan.gains])
        progress.show("gradient against gain", done, len(_SCANNED), unit="cells")
    return {"gain": plan.gains, "n_steps": plan.scan.n_steps, "rate": rates, "matrix_terms": terms}


def _adding(
    plan: _RecurrentGradientPlan, kind: CellKind, length: int, progress: RunProgress, *, clips: bool
) -> list[dict[str, Any]]:
    starts = (Start(), Start(gain=1.0, chrono=length)) if kind.gated else _starts(kind)
    probe = FlowPlan(n_steps=length, hidden_width=plan.learner_width, n_sequences=4, seeds=plan.learner_seeds)
    members = [(start, seed) for start in starts for seed in probe.seeds]
    cells = [probe.cell(kind, start, seed) for start, seed in members]
    runs = learn_sums(
        cells,
        n_steps=length,
        plan=plan.learn if clips else replace(plan.learn, max_norm=math.inf),
        seed=length,
        watch=lambda n, n_learned: progress.show(
            f"adding {length} {kind.value}",
            plan.learn.n_updates if n_learned == len(cells) else n,
            plan.learn.n_updates,
            unit="updates",
            note=f"{n_learned}/{len(cells)} learned",
        ),
    )
    return [
        {
            "cell": kind.value,
            "start": start.label,
            "clips": clips,
            "seed": seed,
            "n_steps": length,
            "learned_at": run.learned_at,
            "best_error": run.best,
            "errors": run.errors,
            "n_between": plan.learn.n_between,
            "before": _reading(recurrent_flow(cell, probe.inputs(seed))),
            "after": None if run.cell is None else _reading(recurrent_flow(run.cell, probe.inputs(seed))),
        }
        for (start, seed), cell, run in zip(members, cells, runs, strict=True)
    ]


def _reading(flow: GradientFlow) -> dict[str, Any]:
    return {name.removeprefix("recurrent/"): value for name, value in flow.readings().items()} | {
        "verdict": flow.verdict.value
    }
