"""``yanmo.export``: a trained matcher to a folder that scores without torch, or one standard without Yanmo."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic import new_folder
from ..errors import InputError, chosen, require_extra
from ..export import WeightForm
from ..match import Matcher
from .opened import opened

if TYPE_CHECKING:
    from ..export.loss_budget import Attempt
    from ..export.weight_plan import WeightPlan

__all__ = ["Exported", "Nearness", "export"]

# Short and long, alike and not, empty, digits and Latin: enough to see a broken graph, not to judge a model.
_PROBES = (
    ("巴萨获胜", "巴塞罗那赢球"),
    ("今天天气不错，我们去公园吧", "明天有雨，别忘了带伞"),
    ("央行宣布下调存款准备金率 0.5 个百分点", "央行降准 0.5 个百分点，释放长期资金约 1 万亿元"),
    ("iPhone 17 发布", "苹果发布新手机"),
    ("", "空"),
    ("研墨是一件需要耐心的事。" * 12, "写字之前先磨墨，急不得。" * 9),
)


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near an export's scores of some sample pairs are to those of the matcher."""

    task: str
    """Name of the standard."""
    n: int
    """Pairs."""
    largest: float
    """Largest difference: of logits, or of probabilities where one standard was exported."""
    spread: float | None
    """Span of the matcher's logits; None where one standard was exported."""
    n_agreed: int | None
    """Pairs decided alike; None where one standard was exported."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    """Where."""
    n_bytes: int
    """Size of its files."""
    form: WeightForm
    """How weights are stored."""
    nearness: tuple[Nearness, ...]
    """How near it scores sample pairs, of each standard."""
    is_measured: bool
    """Whether what rounding costs was measured on labelled pairs."""


def export(
    matcher: Matcher | str | Path,
    out: str | Path,
    *,
    task: str | None = None,
    onnx: bool = False,
    form: WeightForm | str = WeightForm.FLOAT32,
    int8_from: int | None = None,
    data: Any = None,
    split: str = "valid",
    budget: float = 0.5,
    accept_loss: bool = False,
    say: Callable[[str], None] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Exported:
    """Writes a matcher as one graph of all standards, or one standard of it for transformers or as a graph.

    Args:
        matcher: A matcher with torch's weights, or its folder.
        out: The folder to write; it must not exist, or be empty.
        task: The one standard to export; None exports all of them as one graph.
        onnx: Whether one standard is written as a graph; without, it loads in transformers and sentence-transformers.
        form: How weights are stored, such as ``int8-rows``, ``int8-channels`` for OpenVINO, ``int4``.
        int8_from: With ``int4`` or ``int4-rows``, the layer, from 0, from which on weights are in 8 bits.
        data: Labelled pairs to measure the export on, as ``evaluate`` takes them; rounding that costs more than the
            budget is made finer, or refused.
        split: Which part of data that have several.
        budget: Points of F1 that a standard may lose, from 0 to 100.
        accept_loss: Export beyond the budget too.
        say: Told in a sentence what is found on the way.
        on_progress: Told the stage, how many pairs are scored in it, and of how many.

    Returns:
        What was written, and how near it is.

    Raises:
        InputError: The matcher is an export already, options do not go together, or the budget cannot be kept.
        MissingExtraError: The packages that exporting needs are not installed.

    Example:
        ``yanmo.export("runs/faq", "models/faq", form="int8-rows", data=frame)``
    """
    stored = chosen(WeightForm, form, name="form")
    out = Path(out)
    is_graph = onnx or task is None
    _check(stored, task=task, is_graph=is_graph, int8_from=int8_from, has_data=data is not None, budget=budget)
    if is_graph:
        require_extra("onnxscript", extra="onnx")
    require_extra("torch", extra="torch")
    from ..export.card import Card
    from ..match.engines.learned_engine import trained_engine
    from ..match.engines.torch_engine import TorchEngine
    from ..match.folder_record import write_files

    name = "matcher" if isinstance(matcher, Matcher) else str(matcher)
    whole = opened(matcher)
    engine = trained_engine(whole.engine)
    if not isinstance(engine, TorchEngine):
        raise InputError("the folder is an export already", where=name, fix="give the folder that yanmo train wrote")
    if task is not None:
        whole.matching.task_set.index(task)
    plan = _plan(stored, int8_from, n_layers=engine.config.n_layers, where=name)
    told = say or (lambda _: None)
    with new_folder(out) as folder:
        attempt = None
        if data is not None:
            attempt = _search(
                whole,
                plan,
                data,
                split,
                task,
                budget=budget,
                accepts_loss=accept_loss,
                folder=folder,
                say=told,
                on_progress=on_progress,
            )
            plan = attempt.plan
        _write(whole, folder, plan, task=task, is_graph=is_graph, is_written=attempt is not None)
        source = Path(data).name if isinstance(data, str | Path) else "data"
        measured_on = "" if data is None else f"{source}（{split}）"
        Card(Path(name).name, stored.value, whole.matching, task, is_graph, measured_on, attempt, budget).write(folder)
        write_files(folder)
        size = sum(path.stat().st_size for path in folder.iterdir())
        nearness = _nearness(whole, folder, task=task, is_graph=is_graph)
    return Exported(out, size, stored, tuple(nearness), attempt is not None)


def _check(
    stored: WeightForm, *, task: str | None, is_graph: bool, int8_from: int | None, has_data: bool, budget: float
) -> None:
    if int8_from is not None and stored.bits != 4:
        problem = f"--int8-from goes with --form int4 or int4-rows, not {stored.value}"
        raise InputError(problem, fix="leave one of the two out")
    if not is_graph and stored is not WeightForm.FLOAT32:
        raise InputError(
            f"{stored.value} weights need a graph, --task alone writes float32 ones", fix="add --onnx, or leave it out"
        )
    if task is not None and stored is WeightForm.INT8_CHANNELS:
        raise InputError("int8-channels holds all tasks, for OpenVINO", fix="leave --task out, or take another form")
    if not is_graph and has_data:
        raise InputError("--task without --onnx changes no score, there is nothing to measure", fix="leave --data out")
    if not 0 <= budget <= 100:
        raise InputError(f"--budget is {budget:g}; it counts points of F1, 0 to 100", fix="0.5 is the usual one")


def _plan(stored: WeightForm, int8_from: int | None, *, n_layers: int, where: str) -> "WeightPlan":
    from ..export import WeightPlan

    if int8_from is None:
        return WeightPlan.uniform(stored)
    if not 0 <= int8_from <= n_layers:
        raise InputError(f"--int8-from is {int8_from}, the model has layers 0 to {n_layers - 1}", where=where)
    return WeightPlan(stored, stored, stored.raised, upper_from=int8_from)


def _search(
    matcher: Matcher,
    plan: "WeightPlan",
    data: Any,
    split: str,
    task: str | None,
    *,
    budget: float,
    accepts_loss: bool,
    folder: Path,
    say: Callable[[str], None],
    on_progress: Callable[[str, int, int], None] | None,
) -> "Attempt":
    """Measures exports of all tasks in the folder, or beside it where only one task's graph is wanted."""
    from ..evaluate import score_split
    from ..export.drift import drift_lines
    from ..export.loss_budget import Attempt, LossBudget
    from ..export.onnx_export import write_export
    from .evaluation import read_labelled

    pairs = read_labelled(data, matcher.matching.task_set, tasks=task, split=split)
    n_pairs, n_done = sum(map(len, pairs.values())), 0

    def count(n: int) -> None:
        nonlocal n_done
        n_done += n
        # The pairs are scored once by the matcher, then once by every attempt.
        n_passed = (n_done - 1) // n_pairs
        if on_progress is not None:
            on_progress(f"打分 scoring {n_passed + 1}", n_done - n_passed * n_pairs, n_pairs)

    def tell(attempt: Attempt) -> None:
        how = f"{len(attempt.raised)} 个矩阵存得更细：" if attempt.raised else ""
        worst = attempt.worst
        say(f"{how}{worst.task} 损失 {worst.points_lost:.2f} 分 F1，预算 {budget:g}")

    with tempfile.TemporaryDirectory() as beside:
        allowed = LossBudget(matcher, pairs, tuple(score_split(matcher, pairs, on_progress=count)), budget)
        attempt = allowed.search(
            folder if task is None else Path(beside),
            plan,
            write=lambda place, chosen: write_export(matcher, place, plan=chosen),
            on_attempt=tell,
            on_progress=count,
            accepts_loss=accepts_loss,
        )
    for line in drift_lines(attempt.drifts):
        say(line)
    return attempt


def _write(
    matcher: Matcher, folder: Path, plan: "WeightPlan", *, task: str | None, is_graph: bool, is_written: bool
) -> None:
    from ..export.onnx_export import write_export
    from ..export.sequence_classifier import write_task
    from ..export.task_graph import write_task_graph

    if task is None:
        if not is_written:
            write_export(matcher, folder, plan=plan)
    elif is_graph:
        write_task_graph(matcher, folder, task=task, plan=plan)
    else:
        write_task(matcher, folder, task=task)


def _nearness(matcher: Matcher, folder: Path, *, task: str | None, is_graph: bool) -> list[Nearness]:
    """Scores sample pairs as the folder's readers will."""
    import numpy as np

    from ..export.plain_scores import score_by_graph, score_by_transformers

    if task is not None:
        # The last pair may be longer than the budget, where transformers cuts otherwise.
        budget = matcher.matching.task_set.task(task).pair_budget
        pairs = matcher.pair_encoder.in_reading_order(_PROBES[:-1], budget=budget)
        after = (score_by_graph if is_graph else score_by_transformers)(folder, pairs)
        # By itself: what it implies is another folder's.
        before = matcher.matching.decision(task).calibration.probabilities(matcher.logits(pairs, task=task))
        return [Nearness(task, len(pairs), float(np.abs(after - before).max()), None, None)]
    made, exported = [], Matcher.from_pretrained(folder)
    for name in matcher.matching.task_set.names:
        before, after = (each.logits(_PROBES, task=name) for each in (matcher, exported))
        n_agreed = int(np.sum(matcher.decide(_PROBES, task=name) == exported.decide(_PROBES, task=name)))
        largest, spread = float(np.abs(after - before).max()), float(before.max() - before.min())
        made.append(Nearness(name, len(_PROBES), largest, spread, n_agreed))
    return made
