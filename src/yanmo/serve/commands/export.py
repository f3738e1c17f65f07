"""The verb ``export``: a trained matcher to a folder that scores without torch, or without Yanmo."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...errors import InputError
from ...export import WeightForm
from ...progress import RunProgress
from .one_task import one_task

if TYPE_CHECKING:
    from ...api.exporting import Nearness

__all__ = ["export"]


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
    from ...api.exporting import export as export_matcher

    console = Console()
    errors = Console(stderr=True)
    # Of two moving displays a terminal shows one.
    waiting = errors.status("导出 exporting") if data is None else nullcontext()
    with RunProgress(errors) as progress, waiting:
        done = export_matcher(
            run,
            out,
            task=task,
            onnx=onnx,
            form=_stored(form, int8=int8, openvino=openvino, int4=int4),
            int8_from=int8_from,
            data=data,
            split=split,
            budget=budget,
            accept_loss=accept_loss,
            say=lambda line: _say(console, line),
            on_progress=lambda stage, n, total: progress.show(stage, n, total, unit="pairs"),
        )
    _say(console, f"已写入 {out}：{done.n_bytes / 1e6:.1f} MB，{done.form.value}")
    for near in done.nearness:
        _say(console, _nearness_line(near))
    if not done.is_measured and done.form is not WeightForm.FLOAT32:
        _say(console, "没有量过舍入对 F1 与校准的影响：加 --data 目录即可量，超出预算会拒绝。")


def _stored(form: WeightForm | None, *, int8: bool, openvino: bool, int4: bool) -> WeightForm:
    named = [] if form is None else [form]
    named += [WeightForm.INT8_ROWS] * int8 + [WeightForm.INT8_CHANNELS] * openvino + [WeightForm.INT4] * int4
    if len(named) > 1:
        raise InputError(
            "--form, --int8, --openvino and --int4 each name how weights are stored", fix="give one of them"
        )
    return named[0] if named else WeightForm.FLOAT32


def _nearness_line(near: "Nearness") -> str:
    if near.spread is None:
        return f"{near.task}：{near.n} 对自带样例上概率最大偏差 {near.largest:.6f}"
    return (
        f"{near.task}：{near.n} 对自带样例上 logit 最大偏差 {near.largest:.4f}（样例间跨度 {near.spread:.2f}），"
        f"判断相同 {near.n_agreed}/{near.n}"
    )


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
