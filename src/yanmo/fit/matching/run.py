"""One training run from pairs to a matcher's folder: encode, plan, fit, decide; resumable anywhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from transformers import set_seed

from ...data.split import fingerprint_pairs
from ...data.tasks import TaskSet
from ...errors import InputError
from ...evaluate import Judgement, TaskScores, fit_decisions, score_split, with_looser
from ...match.decisions import Decision, MatchingFile
from ...match.engines.torch_engine import TorchEngine
from ...match.folder_record import write_files
from ...match.matcher import Matcher
from ..loop.gradient_log import GradientLog
from ..loop.processes import join_processes
from ..loop.progress import TrainingProgress
from ..loop.run import Run, open_run
from ..loop.run_folder import write_json
from ..loop.sampler import BatchPlan, plan_batches
from .against_start import below_start, start_areas
from .class_balance import positive_weights
from .config import TrainConfig
from .encoded_run import EncodedRun, Split, encode_run
from .examples import BatchMaker
from .implied import with_implied_labels
from .one_class import refuse_untaught_tasks
from .overlap import without_overlap
from .own_head import settle_head
from .start_from_matcher import known_tasks, settle_architecture
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
    training: Split,
    validation: Split,
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
        training: Training pairs of each task, by its name; of both classes, but for tasks that do not learn.
        validation: Validation pairs, for thresholds, calibration and early stopping; may be empty.
        task_set: The tasks.
        base: Hugging Face folder of the encoder or cross-encoder to start from, or a matcher's to go on from with
            these tasks.
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
        InputError: The folder holds another run or is in use, a task cannot be learned from its pairs, the base does
            not fit the settings, or training diverged.
    """
    processes = join_processes()
    if processes.count > 1 and config.regularizers.is_active:
        raise InputError("regularizers bend the gradient of a whole batch in one process", fix="train without torchrun")
    _check_validation(validation)
    config, note = settle_head(base, settle_architecture(base, config))
    learned, n_overlapping = _to_learn_from(training, validation, task_set=task_set, base=base, config=config)
    frozen = out / "frozen"
    with open_run(
        out, resume=resume, finished=_FINISHED, leftovers=[frozen], processes=processes, console=console
    ) as run:
        run.begin(
            base=base,
            origin=origin or {},
            data={
                "training_fingerprint": fingerprint_pairs(training),
                "validation_fingerprint": fingerprint_pairs(validation) if validation else None,
                "task_set": task_set.fingerprint(),
            },
            config=config,
        )
        set_seed(config.seed)
        if note:
            run.progress.say(note)
        if n_overlapping:
            run.progress.say(f"训练集中有 {n_overlapping:,} 对也在验证集里（不论哪个任务），已剔除 left out")
        made = encode_run(
            learned, validation, task_set=task_set, base=base, config=config, states=frozen_cache or frozen, run=run
        )
        plan = _plan(made.training, task_set, config, run)
        trainer = _trainer(made, plan, task_set=task_set, config=config, run=run)
        step = _fit(trainer, run)
        start = start_areas(run.out / _HISTORY)
        decisions, judgement = _decide(trainer, made, validation, run, start=start)
        matching = MatchingFile(
            task_set=task_set,
            decisions=decisions,
            model=config.architecture.model_dump(mode="json"),
            normalization=made.pair_encoder.normalization,
            training={**run.record, "step": step},
        )
        run.finish(partial(_save, made, judgement, start), seal=partial(_seal, matching))
    return RunSummary(judgement, step, len(plan.batches))


def _check_validation(validation: Split) -> None:
    """Thresholds are judged across halves, each of which needs both classes: said now rather than after hours."""
    for name, pairs in validation.items():
        n_positive = sum(pair.label == 1 for pair in pairs)
        if min(n_positive, len(pairs) - n_positive) < 2:
            raise InputError(
                f"task '{name}' has {n_positive} matches among {len(pairs)} validation pairs, it takes 2 of each kind",
                fix="validate on more pairs, or leave the task's validation file out",
            )


def _to_learn_from(
    training: Split, validation: Split, *, task_set: TaskSet, base: Path, config: TrainConfig
) -> tuple[Split, int]:
    """Leaves out pairs that are validated on, and says how many; adds labels that follow from others."""
    for name in config.task_weights:
        task_set.index(name)  # refuses one it does not know
    learned, n_overlapping = without_overlap(training, validation)
    if config.implied_labels:
        learned = with_implied_labels(learned, task_set)
    refuse_untaught_tasks(
        learned,
        task_set=task_set,
        kept=known_tasks(base) if config.frozen_shared else (),
        implied_labels=config.implied_labels,
    )
    return learned, n_overlapping


def _plan(training: BatchMaker, task_set: TaskSet, config: TrainConfig, run: Run) -> BatchPlan:
    """Plans every batch of the run and says what that will cost."""
    plan = plan_batches(
        training.examples.lengths,
        tasks=training.examples.tasks.tolist(),
        max_tokens=config.max_tokens,
        n_epochs=config.n_epochs,
        balance=config.balance,
        seed=config.seed,
        weights={task_set.index(name): weight for name, weight in config.task_weights.items()},
    )
    run.progress.say(
        f"共 {len(plan.batches)} 步，每步平均 {plan.pairs_per_batch:.1f} 对，补齐开销 padding {plan.padding_ratio:.3f}"
    )
    return plan


def _trainer(made: EncodedRun, plan: BatchPlan, *, task_set: TaskSet, config: TrainConfig, run: Run) -> MatchingTrainer:
    """Puts together what trains, and what people and trackers are told of it."""
    n_pairs = np.concatenate([[0], np.cumsum([len(batch) for batch in plan.batches])]).tolist()
    weights = positive_weights(made.training.examples, len(task_set.tasks), weighting=config.class_weighting)
    trainer = MatchingTrainer(
        made.model,
        config,
        plan=plan,
        batches=made.training,
        validation=made.validation,
        task_set=task_set,
        positive_weights=weights,
        frozen_layers=made.frozen_layers,
        folder=run.out,
        on_evaluation=partial(_tell, run),
        processes=run.processes,
        callbacks=[TrainingProgress(run.progress, stage="训练 training", unit="pairs", done_after=n_pairs)],
    )
    is_read = "report_to" in config.model_fields_set  # by default it is written for whoever may ask later
    trainer.add_callback(GradientLog(trainer, regularized=trainer.regularized, is_read=is_read, say=run.progress.say))
    return trainer


def _tell(run: Run, step: int, judgement: Judgement) -> None:
    """Adds an evaluation to the run's history and shows it."""
    with (run.out / _HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **judgement.as_json()}, ensure_ascii=False) + "\n")
    parts = " ".join(f"{name} {report.f1:.3f}/{report.auc or 0:.3f}" for name, report in judgement.tasks.items())
    run.progress.say(f"第 {step} 步 F1 {judgement.official.f1:.4f} · F1/AUC {parts}")


def _fit(trainer: MatchingTrainer, run: Run) -> int:
    """Trains; gives the step whose weights are kept."""
    rank = run.processes.rank
    if rank:
        torch.manual_seed(trainer.config.seed + rank)  # what drops out in one share may stay in another
    run.train(trainer, history=_HISTORY)
    return trainer.finish()


def _decide(
    trainer: MatchingTrainer, made: EncodedRun, validation: Split, run: Run, *, start: Mapping[str, float]
) -> tuple[dict[str, Decision], Judgement | None]:
    """Chooses each task's threshold and calibration on its validation pairs, scored as they will be from now on."""
    scores = trainer.scores()
    for line in below_start(start, scores):
        run.progress.say(line)
    if run.processes.is_first:
        read = MatchingFile(task_set=trainer.task_set, normalization=made.pair_encoder.normalization)
        matcher = Matcher(TorchEngine(made.model, made.encoder_config), made.pair_encoder, read)
        scores = with_looser(matcher, _with_windows(matcher, validation, scores))
    return fit_decisions(scores)


def _seal(matching: MatchingFile, out: Path) -> None:
    """Writes what makes the folder a matcher's, and the record of its files last."""
    matching.save(out)
    write_files(out)


def _with_windows(matcher: Matcher, validation: Split, scores: Sequence[TaskScores]) -> list[TaskScores]:
    """Scores again, in windows as it will be from now on, what training reads cut."""
    tasks = matcher.matching.task_set.tasks
    split = {task.name: validation[task.name] for task in tasks if task.budget.windows and task.name in validation}
    windowed = {task.task: task for task in score_split(matcher, split)}
    return [windowed.get(task.task, task) for task in scores]


def _save(made: EncodedRun, judgement: Judgement | None, start: Mapping[str, float], out: Path) -> None:
    TorchEngine(made.model, made.encoder_config).save(out)
    made.pair_encoder.tokenizer.save(out)
    if judgement is not None:
        write_json(out / "validation.json", {**judgement.as_json(), "start_auc": dict(start)})
