"""The study *simsiam*: why SimSiam does not collapse: in closed form, on images, on sentences, with parts taken out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from ...progress import RunProgress
from ..outcome import StudyOutcome
from .figures import phase_figure, runs_figure, toy_figure
from .inputs import SiameseTask, digits_task, sentences_task
from .mean import MEAN_FORMS, train_against_mean
from .runs import LIMITS, VARIANTS, SiamesePlan, Trace, train_siamese
from .tables import runs_table, toy_table
from .toy import START, Side, fast_enough, linear_mean_flow, toy_limit, toy_path

__all__ = ["run_simsiam"]


@dataclass(frozen=True, slots=True)
class _SimsiamPlan:
    """Sizes of one run of the study; the quick one differs from the full one in nothing else."""

    images: SiamesePlan
    sentences: SiamesePlan
    mean: SiamesePlan
    image_seeds: tuple[int, ...]
    sentence_seeds: tuple[int, ...]


_FULL = _SimsiamPlan(
    images=SiamesePlan(n_steps=3000, batch_size=128, rate=0.1),
    sentences=SiamesePlan(n_steps=250, batch_size=64, rate=0.1),
    mean=SiamesePlan(n_steps=300, batch_size=128, rate=0.02, weight_decay=0.0),
    image_seeds=(0, 1, 2),
    sentence_seeds=(0,),
)
_QUICK = _SimsiamPlan(
    images=SiamesePlan(n_steps=80, batch_size=64, rate=0.1),
    sentences=SiamesePlan(n_steps=12, batch_size=32, rate=0.1),
    mean=SiamesePlan(n_steps=40, batch_size=64, rate=0.02, weight_decay=0.0),
    image_seeds=(0,),
    sentence_seeds=(0,),
)


def run_simsiam(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Runs the study.

    Args:
        quick: Under a minute on one core, with the same parts but fewer and smaller runs.
        data: Its folder ``corpus`` holds text files, one document a line; None takes the sentences that ship.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: The data cannot be used.

    Source: kexue.fm/archives/7980.
    """
    plan = _QUICK if quick else _FULL
    sentences = sentences_task(data)
    images, toy = digits_task(), _toy()
    with RunProgress(console) as progress:
        on_images = _runs(images, plan.images, plan.image_seeds, progress)
        on_sentences = _runs(sentences, plan.sentences, plan.sentence_seeds, progress)
        against_mean = _mean(images, plan, progress)
    found: Mapping[str, tuple[str, str, dict[str, Any]]] = {
        "images": ("数字图像：SimSiam 与去掉一部分", "SimSiam on digits, whole and with parts changed", on_images),
        "sentences": (
            "中文句子：从零开始的两层编码器",
            "SimSiam on Chinese sentences, two-layer encoder from scratch",
            on_sentences,
        ),
        "mean": (
            "|F(T(x)) − F(T(x) 的平均)|²：数字图像",
            "Does $|F(T(x)) - F(mean\\ of\\ T(x))|^2$ collapse? Digits",
            against_mean,
        ),
    }
    return StudyOutcome(
        name="simsiam",
        seeds=tuple(sorted({*plan.image_seeds, *plan.sentence_seeds})),
        numbers={
            "toy": toy,
            "limits": asdict(LIMITS),
            "plans": asdict(plan),
            "bare_quality": images.bare_quality,
            "n_sentences": sentences.n_inputs,
            **{name: runs for name, (_, _, runs) in found.items()},
        },
        tables=[
            toy_table(toy),
            *(
                runs_table(title, runs, bare_quality=None if name == "sentences" else images.bare_quality)
                for name, (title, _, runs) in found.items()
            ),
        ],
        figures={"toy": toy_figure(), "phases": phase_figure()}
        | {
            name: runs_figure(title, runs, limits=(LIMITS.std, LIMITS.effective_rank))
            for name, (_, title, runs) in found.items()
        },
    )


# Starts and multiples on both sides of the multiple that is just fast enough: 16 without stop-gradient from the
# article's start, 5 with it from a predictor beyond its aim.
_TOY = (
    *((side, START, multiple) for side in Side for multiple in (1.0, 0.1, 10.0)),
    *((Side.LIVE, START, multiple) for multiple in (15.0, 17.0, 100.0)),
    *((Side.STOPPED, (1.5, 0.5), multiple) for multiple in (1.0, 4.0, 6.0, 10.0)),
)


def _toy() -> dict[str, Any]:
    paths = []
    for side, start, multiple in _TOY:
        path = toy_path(side, start=start, multiple=multiple, end=4000.0)  # near the boundary it is slow
        exact = toy_limit(side, start=start, multiple=multiple)
        paths.append(
            {
                "side": side.value,
                "start": start,
                "multiple": multiple,
                "fast_enough": fast_enough(side, start=start),
                "phi": path.phi[-1],
                "theta": path.theta[-1],
                "exact_phi": exact[0],
                "exact_theta": exact[1],
                "drift": path.drift,
            }
        )
    spread = np.array([0.1, 0.5, 1.0, 2.0])
    weights = np.random.default_rng(0).normal(size=(6, 4))
    times, weights_then, error = linear_mean_flow(spread, weights, end=40.0, n_points=81)
    shares = np.linalg.norm(weights_then, axis=1) / np.linalg.norm(weights_then, axis=(1, 2))[:, None]
    return {
        "paths": paths,
        "linear_mean": {
            "spread": spread,
            "times": times,
            "size": np.linalg.norm(weights_then, axis=(1, 2)),
            "share_of_each_direction": shares,
            "error": error,
        },
    }


def _runs(task: SiameseTask, plan: SiamesePlan, seeds: tuple[int, ...], progress: RunProgress) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for done, (name, variant) in enumerate(VARIANTS.items()):
        runs = []
        for seed in seeds:
            torch.manual_seed(seed)
            network = variant.network(task.build(), width=task.width)

            def draw(rng: np.random.Generator) -> object:
                return task.views(rng.choice(task.n_inputs, plan.batch_size, replace=False).tolist(), rng)

            runs.append(
                train_siamese(network, draw, plan=plan, multiple=variant.multiple, seed=seed, quality=task.quality)
            )
        found[name] = _row(variant.title, runs)
        progress.show(task.name, done + 1, len(VARIANTS), unit="variants")
    return found


def _mean(task: SiameseTask, plan: _SimsiamPlan, progress: RunProgress) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for done, (name, form) in enumerate(MEAN_FORMS.items()):
        runs = [train_against_mean(form, task, plan=plan.mean, seed=seed) for seed in plan.image_seeds]
        found[name] = _row(form.title, runs)
        progress.show("mean of views", done + 1, len(MEAN_FORMS), unit="forms")
    return found


def _row(title: str, runs: list[Trace]) -> dict[str, Any]:
    return {"title": title, "runs": [asdict(run) for run in runs]}
