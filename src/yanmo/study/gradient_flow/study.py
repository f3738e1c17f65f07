"""The study *gradient-flow*: recurrences of today and deep stacks, before training; and how well few directions do."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from ...errors import InputError
from ...probe import GradientFlow, layer_flow, recurrent_flow
from ...progress import RunProgress
from ..outcome import StudyOutcome
from .cells import FlowCell, make_cell
from .figures import draw_layers, draw_steps
from .stacks import StackKind, make_stack
from .tables import layer_table, probe_table, step_table

__all__ = ["run_gradient_flow"]

_N_PROBES = 32


@dataclass(frozen=True, slots=True)
class _FlowPlan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    checked_steps: int
    n_steps: int
    state_width: int
    stack_width: int
    n_layers: int
    large: tuple[int, int]
    n_sequences: int
    seeds: tuple[int, ...]


_FULL = _FlowPlan(
    checked_steps=200,
    n_steps=1000,
    state_width=64,
    stack_width=64,
    n_layers=48,
    large=(512, 4000),
    n_sequences=4,
    seeds=(0, 1, 2),
)
_QUICK = _FlowPlan(
    checked_steps=30,
    n_steps=60,
    state_width=64,
    stack_width=16,
    n_layers=8,
    large=(64, 50),
    n_sequences=2,
    seeds=(0,),
)


def run_gradient_flow(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Measures the gradient's way back through seven recurrences and five kinds of stacks as they start.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: Must be None.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: ``data`` is given, which this study could only ignore.

    Source: kexue.fm/archives/7888, for the question.
    """
    if data is not None:
        raise InputError("this study draws its own sequences", where=data, fix="leave --data out")
    plan = _QUICK if quick else _FULL
    with RunProgress(console) as progress:
        probes = _over(tuple(FlowCell), plan, progress, "few directions beside all", _compared)
        steps = _over(tuple(FlowCell), plan, progress, "gradient against steps", _stepped)
        layers = _over(tuple(StackKind), plan, progress, "gradient against layers", _layered)
        large = _large(plan)
    numbers = {"n_probes": _N_PROBES, "probes": probes, "steps": steps, "layers": layers, "large": large}
    return StudyOutcome(
        name="gradient_flow",
        seeds=plan.seeds,
        numbers=numbers,
        tables=[probe_table(probes, large, n_probes=_N_PROBES), step_table(steps), layer_table(layers)],
        figures={"steps": draw_steps(steps), "layers": draw_layers(layers)},
    )


def _over(
    kinds: Sequence[Any],
    plan: _FlowPlan,
    progress: RunProgress,
    what: str,
    measure: Callable[[_FlowPlan, Any, int], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Measures every kind with every seed."""
    rows = []
    for done, kind in enumerate(kinds, start=1):
        of_seeds = [measure(plan, kind, seed) for seed in plan.seeds]
        rows.append({"kind": kind.value} | {key: [each[key] for each in of_seeds] for key in of_seeds[0]})
        progress.show(what, done, len(kinds), unit="kinds")
    return rows


def _compared(plan: _FlowPlan, kind: FlowCell, seed: int) -> dict[str, Any]:
    cell = make_cell(kind, state_width=plan.state_width, seed=seed)
    x = _inputs(cell, plan.n_sequences, plan.checked_steps, seed=seed)
    exact, few = recurrent_flow(cell, x), recurrent_flow(cell, x, n_probes=_N_PROBES, seed=seed)
    arrives = exact.log_norms.isfinite()
    error = ((few.log_norms - exact.log_norms)[arrives].exp() - 1).abs()
    return {"largest_error": float(error.max()), "mean_error": float(error.mean())}


def _stepped(plan: _FlowPlan, kind: FlowCell, seed: int) -> dict[str, Any]:
    cell = make_cell(kind, state_width=plan.state_width, seed=seed)
    return _reading(recurrent_flow(cell, _inputs(cell, plan.n_sequences, plan.n_steps, seed=seed)))


def _layered(plan: _FlowPlan, kind: StackKind, seed: int) -> dict[str, Any]:
    layers = make_stack(kind, width=plan.stack_width, n_layers=plan.n_layers, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(plan.n_sequences, 8, plan.stack_width, generator=generator)
    return _reading(layer_flow(layers, x, n_probes=_N_PROBES, seed=seed))


def _large(plan: _FlowPlan) -> dict[str, Any]:
    """Times a wide LSTM over many steps."""
    width, n_steps = plan.large
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.LSTM(8, width)
    x = _inputs(module, 1, n_steps, seed=0)
    began = time.perf_counter()
    flow = recurrent_flow(module, x, n_probes=_N_PROBES)
    return {
        "cell": "LSTM",
        "width": width,
        "n_steps": n_steps,
        "seconds": time.perf_counter() - began,
        "log10_change": flow.readings()["recurrent/log10_change"],
    }


def _inputs(cell: nn.Module, n_sequences: int, n_steps: int, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.randn(n_sequences, n_steps, int(cell.input_size), generator=generator)  # type: ignore[arg-type]


def _reading(flow: GradientFlow) -> dict[str, Any]:
    at = np.unique(np.linspace(0, len(flow.log_norms) - 1, 51).round().astype(int))
    return {
        "rate": flow.rate,
        "half_life": flow.half_life,
        "verdict": flow.verdict.value,
        "distance": at,
        "log10_norm": flow.log_norms.numpy()[at] / np.log(10),
    }
