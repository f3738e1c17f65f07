"""The study *simsiam-boundary*: how much weight decay SimSiam bears, by the speed of its predictor."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ...progress import RunProgress
from ..classification_tasks import bundled_task, corpus_task
from ..outcome import StudyOutcome
from .figures import draw_boundary, draw_text
from .modes import Mode, critical_decay, decay_limits, direct_limit, parabola_limit
from .networks import Predictor, gaussian_views, share_left, trained_encoders
from .tables import boundary_table, text_table
from .text_views import text_views

__all__ = ["run_simsiam_boundary"]

_NOISE = 0.25
_START = Mode(p=0.2, s=0.25, noise=_NOISE)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    speeds: tuple[float, ...]
    width: int
    seeds: tuple[int, ...]
    n_decays: int
    time: float
    batch: int
    text_time: float
    text_width: int
    n_per_class: int


_FULL = _Plan((0.02, 0.05, 0.16, 0.5, 1.0, 3.0, 10.0), 16, (0, 1, 2), 33, 400.0, 256, 150.0, 16, 150)
_QUICK = _Plan((0.05, 0.5, 3.0), 6, (0,), 9, 100.0, 64, 30.0, 8, 40)


def run_simsiam_boundary(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Compares the decay at which linear networks collapse with that of two numbers, on noise and on texts.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: A folder with ``corpus``, for its snippets; None takes texts that ship.
        console: Where progress is shown.

    Returns:
        What was found.

    Source: arXiv:2102.06810; kexue.fm/archives/7980 for the fast predictor.
    """
    plan = _QUICK if quick else _FULL
    speeds = np.array(plan.speeds)
    with RunProgress(console) as progress:
        done = 0

        def on_run() -> None:
            nonlocal done
            done += 1
            progress.show("training", done, 3 * len(plan.seeds), unit="rounds")

        limits = decay_limits(_START, speeds)
        boundary = _boundary(plan, speeds, limits, on_run)
        text = _text(plan, data, on_run)
    numbers: dict[str, Any] = {
        "start": {"p": _START.p, "s": _START.s, "noise": _NOISE},
        "critical_decay": float(critical_decay(_START.c)),
        "parabola": {"speed": _START.p**2 / _START.s, "decay": parabola_limit(_START.p, float(_START.c))},
        "boundary": boundary,
        "text": text,
    }
    return StudyOutcome(
        name="simsiam_boundary",
        seeds=plan.seeds,
        numbers=numbers,
        tables=[boundary_table(boundary), text_table(text)],
        figures={"decay": draw_boundary(numbers), "text": draw_text(text)},
    )


def _boundary(
    plan: _Plan, speeds: NDArray[np.float64], limits: NDArray[np.float64], on_run: Callable[[], None]
) -> dict[str, Any]:
    """Trains around the predicted decay at each speed, and reads where half of the directions are left."""
    ways = {"trained": limits, "DirectPred": np.array([direct_limit(_START.s, float(_START.c))])}
    ratios = np.geomspace(0.8, 1.25, plan.n_decays)
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    alive_without_stop = []
    for seed in plan.seeds:
        train = partial(trained_encoders, width=plan.width, p=_START.p, s=_START.s, time=plan.time, seed=seed)
        for name, predicted in ways.items():
            views = gaussian_views(plan.width, _NOISE, batch=plan.batch, seed=seed)
            decays = predicted[:, None] * ratios
            its = np.repeat(speeds if name == "trained" else np.ones(1), len(ratios))
            alive = share_left(train(views, speeds=its, decays=decays.ravel(), predictor=Predictor(name)))
            found[name].append(_half_left(decays, alive.reshape(decays.shape)))
            on_run()
        views = gaussian_views(plan.width, _NOISE, batch=plan.batch, seed=seed)
        none = np.zeros(len(speeds))
        alive = share_left(train(views, speeds=speeds, decays=none, predictor=Predictor.NO_STOP))
        alive_without_stop.append(alive.tolist())
    return {
        "speeds": speeds,
        "predicted": limits,
        "measured": np.array(found["trained"]),
        "direct": {"predicted": ways["DirectPred"][0], "measured": np.array(found["DirectPred"])[:, 0]},
        "left_without_stop_gradient": alive_without_stop,
        "ratios": ratios,
    }


def _half_left(decays: NDArray[np.float64], alive: NDArray[np.float64]) -> list[float]:
    """Of each row the decay between the last with half of the directions left and the next; NaN if none is."""
    limits = []
    for row, left in zip(decays, alive >= 0.5, strict=True):
        n = int(left.sum())
        limits.append(float(np.sqrt(row[n - 1] * row[n])) if 0 < n < len(row) else float("nan"))
    return limits


def _text(plan: _Plan, data: Path | None, on_run: Callable[[], None]) -> dict[str, Any]:
    """Counts the directions of real texts that survive, beside those that should."""
    task = bundled_task(n_documents=8) if data is None else corpus_task(data, n_per_class=plan.n_per_class)
    texts = text_views(task, width=plan.text_width, keep=0.7)
    speed, p, s = 1.0, _START.p, _START.s
    # Along a direction of another strength everything but the decay is faster by it.
    limits = texts.strengths * decay_limits(Mode(p, s, texts.noises), np.full(plan.text_width, speed))
    decays = np.geomspace(limits.max() * 1.3, limits.min() / 1.3, plan.n_decays)
    alive = []
    for seed in plan.seeds:
        encoders = trained_encoders(
            texts.draw(batch=plan.batch, seed=seed),
            width=plan.text_width,
            p=p,
            s=s,
            speeds=np.full(len(decays), speed),
            decays=decays,
            time=plan.text_time / float(np.median(texts.strengths)),
            seed=seed,
        )
        alive.append((share_left(encoders) * plan.text_width).round().astype(int).tolist())
        on_run()
    return {
        "snippets": task.name,
        "n": len(texts.counts),
        "strengths": texts.strengths,
        "noises": texts.noises,
        "limits": limits,
        "decays": decays,
        "predicted": (limits[None, :] > decays[:, None]).sum(1),
        "measured": alive,
    }
