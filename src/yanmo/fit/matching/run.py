"""One training run from pairs to a matcher's folder: encode, train, choose thresholds, save; resumable anywhere."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from transformers import set_seed

from ...atomic import replacing
from ...data.pair import Pair
from ...data.split import fingerprint_pairs
from ...data.tasks import TaskSet
from ...errors import InputError
from ...evaluate import Judgement, TaskScores, fit_decisions, score_split
from ...match.decisions import MatchingFile
from ...match.folder_record import write_files
from ...match.matcher import Matcher
from ...match.torch_engine import TorchEngine
from ...progress import RunProgress
from ..loop.checkpoints import last_checkpoint
from ..loop.gradient_log import GradientLog
from ..loop.precision import Precision
from ..loop.processes import join_processes
from ..loop.progress import TrainingProgress
from ..loop.run_folder import environment, open_run, trim_history
from ..loop.sampler import plan_batches
from .class_balance import log_odds, positive_weights
from .config import TrainConfig
from .examples import BatchMaker, encode_examples
from .going_on import known_tasks
from .implied import with_implied_labels
from .network import build_network, check_positions, frozen_states
from .overlap import without_overlap
from .trainer import MatchingTrainer

__all__ = ["RunSummary", "train_matcher"]

_HISTORY = "evaluations.jsonl"
_FINISHED = "matching.json"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended."""

    judgement: Judgement | None
    """On the validation pairs, thresholds of the other half; None without validation pairs."""
    step: int
    """The step the weights come from."""
    n_steps: int
    """Steps planned."""


def train_matcher(
    training: Mapping[str, Sequence[Pair]],
    validation: Mapping[str, Sequence[Pair]],
    *,
    task_set: TaskSet,
    base: Path,
    out: Path,
    config: TrainConfig,
    resume: bool = False,
    frozen_cache: Path | None = None,
    origin: Mapping[str, str] | None = None,
    console: Console | None = None,
) -> RunSummary:
    """Trains a matcher and writes its folder.

    The folder holds the settings and versions at once (``run.json``), checkpoints while the run goes on, and at the
    end the matcher itself. A killed run goes on with ``resume`` and ends with the same weights. Training pairs that are
    validation pairs of any task as well are left out. Under torchrun every process calls this and takes its share of
    every batch; the first one writes.

    Args:
        training: Training pairs of each task, by its name.
        validation: Validation pairs, for thresholds, calibration and early stopping; may be empty.
        task_set: The tasks.
        base: Hugging Face folder of the encoder to start from, or a matcher's to go on from with these tasks.
        out: The run's folder.
        config: The settings.
        resume: Go on with the run in ``out``.
        frozen_cache: Where states of frozen layers go, to share them between runs; None keeps them in ``out`` and
            deletes them at the end.
        origin: Where data and base come from, in the user's words, for ``run.json``.
        console: Where progress is shown; None shows nothing.

    Returns:
        How the run ended.

    Raises:
        InputError: The folder holds another run, the base does not fit the settings, or training diverged.
    """
    _check_validation(validation)
    processes = join_processes()
    if processes.count > 1 and config.regularizers.is_active:
        raise InputError("regularizers bend the gradient of a whole batch in one process", fix="train without torchrun")
    record = _record(training, validation, task_set, config, origin or {}, n_processes=processes.count)
    notes = open_run(out, record, resume=resume, finished=_FINISHED) if processes.is_first else []
    with RunProgress(console if console is not None and processes.is_first else Console(quiet=True)) as progress:
        for note in notes:
            progress.say(note)
        set_seed(config.seed)
        training, n_overlapping = without_overlap(training, validation)
        if n_overlapping:
            progress.say(f"训练集中有 {n_overlapping:,} 对也在验证集里（不论哪个任务），已剔除 left out")
        if config.implied_labels:
            training = with_implied_labels(training, task_set)
        model, encoder_config, pair_encoder = build_network(base, task_set=task_set, config=config)
        examples = encode_examples(training, task_set=task_set, pair_encoder=pair_encoder)
        checked = encode_examples(validation, task_set=task_set, pair_encoder=pair_encoder) if validation else None
        progress.say(f"训练 training {examples.describe(task_set)}")
        if checked is not None:
            progress.say(f"验证 validation {checked.describe(task_set)}")
        every = (examples,) if checked is None else (examples, checked)
        for encoded in every:
            check_positions(encoded, encoder_config, base=base)
        known = known_tasks(base)
        fresh = [index for index, name in enumerate(task_set.names) if name not in known]
        with torch.no_grad():
            model.task_bias[fresh] = log_odds(examples, len(task_set.tasks))[fresh]
        with processes.first_goes_first():  # the others find all states there
            # Validation is judged on what scoring will compute, in float32.
            frozen, checked_frozen = (
                frozen_states(
                    model,
                    encoder_config,
                    config,
                    examples=some,
                    folder=frozen_cache or out / "frozen",
                    precision=precision,
                    progress=progress,
                )
                for some, precision in ((every[:1], config.precision), (every[1:], Precision.FLOAT32))
            )
        judged = None
        if checked is not None:
            judged = BatchMaker(checked, pad_id=encoder_config.pad_id, frozen=checked_frozen)
        plan = plan_batches(
            examples.lengths,
            tasks=examples.tasks.tolist(),
            max_tokens=config.max_tokens,
            n_epochs=config.n_epochs,
            balance=config.balance,
            seed=config.seed,
        )
        n_steps = len(plan.batches)
        progress.say(
            f"共 {n_steps} 步，每步平均 {plan.pairs_per_batch:.1f} 对，补齐开销 padding {plan.padding_ratio:.3f}"
        )

        def on_evaluation(step: int, judgement: Judgement) -> None:
            with (out / _HISTORY).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **judgement.as_json()}, ensure_ascii=False) + "\n")
            parts = " ".join(
                f"{name} {report.f1:.3f}/{report.auc or 0:.3f}" for name, report in judgement.tasks.items()
            )
            progress.say(f"第 {step} 步 F1 {judgement.official.f1:.4f} · F1/AUC {parts}")

        n_pairs = np.concatenate([[0], np.cumsum([len(batch) for batch in plan.batches])]).tolist()
        trainer = MatchingTrainer(
            model,
            config,
            plan=plan,
            batches=BatchMaker(examples, pad_id=encoder_config.pad_id, frozen=frozen),
            validation=judged,
            task_set=task_set,
            positive_weights=positive_weights(examples, len(task_set.tasks), weighting=config.class_weighting),
            frozen_layers=0 if frozen is None else config.frozen_layers,
            folder=out,
            on_evaluation=on_evaluation,
            processes=processes,
            callbacks=[TrainingProgress(progress, stage="训练 training", unit="pairs", done_after=n_pairs)],
        )
        trainer.add_callback(GradientLog(trainer, regularized=trainer.regularized, say=progress.say))
        with processes.first_goes_first():  # it deletes torn checkpoints before any other looks
            checkpoint = last_checkpoint(out)
        if processes.is_first:
            trim_history(out / _HISTORY, 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2]))
        if processes.rank:
            torch.manual_seed(config.seed + processes.rank)  # what drops out in one share may stay in another
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        step = trainer.finish()
        scores = trainer.scores()
        if processes.is_first:
            matcher = Matcher(TorchEngine(model, encoder_config), pair_encoder, MatchingFile(task_set=task_set))
            scores = _with_windows(matcher, validation, scores)
        decisions, judgement = fit_decisions(scores)
    if processes.is_first:
        matching = MatchingFile(
            task_set=task_set,
            decisions=decisions,
            model=config.architecture.model_dump(mode="json"),
            training={**record, "step": step},
        )
        TorchEngine(model, encoder_config).save(out)
        pair_encoder.tokenizer.save(out)
        if judgement is not None:
            with replacing(out / "validation.json") as temporary:
                text = json.dumps(judgement.as_json(), ensure_ascii=False, indent=2) + "\n"
                temporary.write_text(text, encoding="utf-8")
        matching.save(out)
        write_files(out)
        for leftover in (*out.glob("checkpoint-*"), out / "frozen"):
            shutil.rmtree(leftover, ignore_errors=True)
    return RunSummary(judgement, step, n_steps)


def _check_validation(validation: Mapping[str, Sequence[Pair]]) -> None:
    """Thresholds are judged across halves, each of which needs both classes: said now rather than after hours."""
    for name, pairs in validation.items():
        n_positive = sum(pair.label == 1 for pair in pairs)
        if min(n_positive, len(pairs) - n_positive) < 2:
            raise InputError(
                f"task '{name}' has {n_positive} matches among {len(pairs)} validation pairs, it takes 2 of each kind",
                fix="validate on more pairs, or leave the task's validation file out",
            )


def _record(
    training: Mapping[str, Sequence[Pair]],
    validation: Mapping[str, Sequence[Pair]],
    task_set: TaskSet,
    config: TrainConfig,
    origin: Mapping[str, str],
    *,
    n_processes: int,
) -> dict[str, Any]:
    return {
        "origin": dict(origin),
        "training_fingerprint": fingerprint_pairs(training),
        "validation_fingerprint": fingerprint_pairs(validation) if validation else None,
        "task_set": task_set.fingerprint(),
        "config": config.model_dump(mode="json"),
        "environment": {**environment(), "processes": n_processes},
    }


def _with_windows(
    matcher: Matcher, validation: Mapping[str, Sequence[Pair]], scores: Sequence[TaskScores]
) -> list[TaskScores]:
    """Scores again, in windows as it will be from now on, what training reads cut."""
    tasks = matcher.matching.task_set.tasks
    split = {task.name: validation[task.name] for task in tasks if task.budget.windows and task.name in validation}
    windowed = {task.task: task for task in score_split(matcher, split)}
    return [windowed.get(task.task, task) for task in scores]
