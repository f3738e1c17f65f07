"""The verb ``export``: a trained matcher to a folder that scores without torch, or without Yanmo."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...atomic import new_folder
from ...errors import InputError, require_extra
from ...export import WeightForm
from ...progress import RunProgress
from .one_task import one_task

if TYPE_CHECKING:
    from ...export.loss_budget import Attempt
    from ...export.weight_plan import WeightPlan
    from ...match import Matcher

__all__ = ["export"]

# Short and long, alike and not, empty, digits and Latin: enough to see a broken graph, not to judge a model.
_PROBES = (
    ("巴萨获胜", "巴塞罗那赢球"),
    ("今天天气不错，我们去公园吧", "明天有雨，别忘了带伞"),
    ("央行宣布下调存款准备金率 0.5 个百分点", "央行降准 0.5 个百分点，释放长期资金约 1 万亿元"),
    ("iPhone 17 发布", "苹果发布新手机"),
    ("", "空"),
    ("研墨是一件需要耐心的事。" * 12, "写字之前先磨墨，急不得。" * 9),
)


def export(
    run: Annotated[Path, typer.Argument(help="模型目录 / a matcher's folder, as yanmo train writes it")],
    out: Annotated[Path, typer.Option(help="导出到哪个目录 / the folder to write")],
    onnx: Annotated[bool, typer.Option("--onnx", help="写成 ONNX 图（没有 --task 时总是）/ a graph")] = False,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="只导出这个任务，不用 yanmo 就能载入 / one task, loads without Yanmo"),
    ] = None,
    form: Annotated[WeightForm | None, typer.Option(help="权重的存法 / how weights are stored")] = None,
    int8: Annotated[bool, typer.Option("--int8", help="即 --form int8-rows / short for it")] = False,
    openvino: Annotated[
        bool, typer.Option("--openvino", help="即 --form int8-channels，由 OpenVINO 打分 / short for it")
    ] = False,
    int4: Annotated[bool, typer.Option("--int4", help="即 --form int4 / short for it")] = False,
    int8_from: Annotated[
        int | None,
        typer.Option(
            help="int4、int4-rows 时从这一层起用 8 位（层数从 0 数）/ with 4 bits: layers from this one on in 8"
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="在这些标注数据上量导出前后 / labelled pairs to measure the export on")
    ] = None,
    split: Annotated[str, typer.Option(help="其中哪一部分 / which split of them")] = "valid",
    budget: Annotated[
        float, typer.Option(help="每个任务最多损失多少分 F1（百分点）/ points of F1 a task may lose")
    ] = 0.5,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="超出预算也导出 / export even beyond the budget")
    ] = False,
) -> None:
    """Write a matcher as one ONNX graph of all tasks, or one task of it for transformers and sentence-transformers.

    Example: yanmo export runs/sohu --onnx --int8 --data data --out models/sohu
    """
    task = one_task(tasks, fix="export each into a folder of its own, or leave --task out for a graph of all tasks")
    stored = _stored(form, int8=int8, openvino=openvino, int4=int4)
    is_graph = onnx or task is None
    _check(stored, task=task, is_graph=is_graph, int8_from=int8_from, has_data=data is not None, budget=budget)
    if is_graph:
        require_extra("onnxscript", extra="onnx")
    require_extra("torch", extra="torch")
    from ...export.card import Card
    from ...match import Matcher
    from ...match.engines.torch_engine import TorchEngine
    from ...match.folder_record import write_files

    matcher = Matcher.from_pretrained(run)
    if not isinstance(matcher.engine, TorchEngine):
        raise InputError("the folder is an export already", where=run, fix="give the folder that yanmo train wrote")
    if task is not None:
        matcher.matching.task_set.index(task)
    plan = _plan(stored, int8_from, n_layers=matcher.engine.config.n_layers, run=run)
    console = Console()
    with new_folder(out) as folder:
        attempt = None
        if data is not None:
            attempt = _search(matcher, plan, data, split, task, budget=budget, accepts_loss=accept_loss, folder=folder)
            plan = attempt.plan
        with Console(stderr=True).status("导出 exporting"):
            _write(matcher, folder, plan, task=task, is_graph=is_graph, is_written=attempt is not None)
        measured_on = "" if data is None else f"{data.name}（{split}）"
        card = Card(run.name, stored.value, matcher.matching, task, is_graph, measured_on, attempt, budget)
        card.write(folder)
        write_files(folder)
        size = sum(path.stat().st_size for path in folder.iterdir())
        lines = _compare(matcher, folder, task=task, is_graph=is_graph)
    _say(console, f"已写入 {out}：{size / 1e6:.1f} MB，{stored.value}")
    for line in lines:
        _say(console, line)
    if attempt is None and stored is not WeightForm.FLOAT32:
        _say(console, "没有量过舍入对 F1 与校准的影响：加 --data 目录即可量，超出预算会拒绝。")


def _stored(form: WeightForm | None, *, int8: bool, openvino: bool, int4: bool) -> WeightForm:
    named = [] if form is None else [form]
    named += [WeightForm.INT8_ROWS] * int8 + [WeightForm.INT8_CHANNELS] * openvino + [WeightForm.INT4] * int4
    if len(named) > 1:
        raise InputError(
            "--form, --int8, --openvino and --int4 each name how weights are stored", fix="give one of them"
        )
    return named[0] if named else WeightForm.FLOAT32


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


def _plan(stored: WeightForm, int8_from: int | None, *, n_layers: int, run: Path) -> "WeightPlan":
    from ...export import WeightPlan

    if int8_from is None:
        return WeightPlan.uniform(stored)
    if not 0 <= int8_from <= n_layers:
        raise InputError(f"--int8-from is {int8_from}, the model has layers 0 to {n_layers - 1}", where=run)
    return WeightPlan(stored, stored, stored.raised, upper_from=int8_from)


def _search(
    matcher: "Matcher",
    plan: "WeightPlan",
    data: Path,
    split: str,
    task: str | None,
    *,
    budget: float,
    accepts_loss: bool,
    folder: Path,
) -> "Attempt":
    """Measures exports of all tasks in the folder, or beside it where only one task's graph is wanted."""
    from ...data import read_split
    from ...evaluate import score_split
    from ...export.drift import drift_lines
    from ...export.loss_budget import Attempt, LossBudget
    from ...export.onnx_export import write_export

    task_set = matcher.matching.task_set
    pairs = read_split(data, task_set if task is None else task_set.subset([task]), split)
    n_pairs = sum(map(len, pairs.values()))
    console = Console()
    with RunProgress(Console(stderr=True)) as progress, tempfile.TemporaryDirectory() as beside:
        n_done = 0

        def count(n: int) -> None:
            nonlocal n_done
            n_done += n
            # The pairs are scored once by the matcher, then once by every attempt.
            n_passed = (n_done - 1) // n_pairs
            progress.show(f"打分 scoring {n_passed + 1}", n_done - n_passed * n_pairs, n_pairs, unit="pairs")

        def tell(attempt: Attempt) -> None:
            how = f"{len(attempt.raised)} 个矩阵存得更细：" if attempt.raised else ""
            worst = attempt.worst
            _say(console, f"{how}{worst.task} 损失 {worst.points_lost:.2f} 分 F1，预算 {budget:g}")

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
        _say(console, line)
    return attempt


def _write(
    matcher: "Matcher", folder: Path, plan: "WeightPlan", *, task: str | None, is_graph: bool, is_written: bool
) -> None:
    from ...export.onnx_export import write_export
    from ...export.sequence_classifier import write_task
    from ...export.task_graph import write_task_graph

    if task is None:
        if not is_written:
            write_export(matcher, folder, plan=plan)
    elif is_graph:
        write_task_graph(matcher, folder, task=task, plan=plan)
    else:
        write_task(matcher, folder, task=task)


def _compare(matcher: "Matcher", folder: Path, *, task: str | None, is_graph: bool) -> list[str]:
    """Says how near the folder's scores of the probes are, scored as its readers will."""
    import numpy as np

    from ...export.plain_scores import score_by_graph, score_by_transformers
    from ...match import Matcher

    if task is not None:
        # The last pair may be longer than the budget, where transformers cuts otherwise.
        budget = matcher.matching.task_set.task(task).pair_budget
        pairs = matcher.pair_encoder.in_reading_order(_PROBES[:-1], budget=budget)
        after = (score_by_graph if is_graph else score_by_transformers)(folder, pairs)
        # By itself: what it implies is another folder's.
        before = matcher.matching.decision(task).calibration.probabilities(matcher.logits(pairs, task=task))
        largest = np.abs(after - before).max()
        return [f"{task}：{len(pairs)} 对自带样例上概率最大偏差 {largest:.6f}"]
    lines, exported = [], Matcher.from_pretrained(folder)
    for name in matcher.matching.task_set.names:
        before, after = (each.logits(_PROBES, task=name) for each in (matcher, exported))
        decided = sum(matcher.decide(_PROBES, task=name) == exported.decide(_PROBES, task=name))
        largest, spread = np.abs(after - before).max(), before.max() - before.min()
        lines.append(
            f"{name}：{len(_PROBES)} 对自带样例上 logit 最大偏差 {largest:.4f}（样例间跨度 {spread:.2f}），"
            f"判断相同 {decided}/{len(_PROBES)}"
        )
    return lines


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
