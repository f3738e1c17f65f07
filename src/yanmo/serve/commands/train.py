"""The verb ``yanmo train``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...data import OnBadLine
from ...errors import require_extra
from .interruptible import interruptible
from .tables import judgement_table

__all__ = ["train"]


def train(
    data: Annotated[
        str, typer.Option(help="含各任务目录的数据目录，或一个标注文件 / the tasks' folders, or one labelled file")
    ],
    base: Annotated[
        str,
        typer.Option(
            help="编码器、重排模型或匹配模型的目录，default 为自带的 / encoder, cross-encoder or matcher to start from"
        ),
    ],
    out: Annotated[Path, typer.Option(help="运行目录 / where the run and the matcher go")],
    more: Annotated[
        list[Path] | None, typer.Option(help="另加的训练数据目录，可多次给出 / more folders to train on, repeatable")
    ] = None,
    soft: Annotated[
        list[Path] | None,
        typer.Option(help="教师标注的训练数据目录，标签为匹配概率 / folders labelled by a teacher's probabilities"),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            help="任务文件或自带任务集；目录默认 sohu，单个文件默认一个标准 match / a task file or a set that ships"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--task", "--only", help="只训练这些任务，逗号分隔 / only these tasks of it, repeatable"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="训练设置 YAML / settings")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="覆盖一项设置 / key=value")] = None,
    split: Annotated[str, typer.Option(help="训练集名 / split to train on")] = "train",
    validation: Annotated[
        str, typer.Option(help="验证集名，none 为不验证 / split for thresholds and stopping, or none")
    ] = "valid",
    split_off: Annotated[
        float | None,
        typer.Option(help="从训练数据中留出这么多作验证，单个文件默认 0.2 / share held out to validate on"),
    ] = None,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    label: Annotated[str | None, typer.Option(help="标注的列名 / column of the label")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="接着被中断的运行 / go on with a killed run")] = False,
    frozen_cache: Annotated[
        Path | None, typer.Option(help="多次运行共用的冻结层状态 / states of frozen layers, kept between runs")
    ] = None,
    encoding: Annotated[str, typer.Option(help="文件编码，auto 为自动 / text encoding, such as gb18030")] = "auto",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Train one matcher on all tasks and choose a threshold for each.

    For several processes, each with its share of every batch: torchrun --nproc-per-node 2 $(which yanmo) train ...

    Example: yanmo train --data data --base default --out runs/sohu --set n_epochs=2
    """
    require_extra("accelerate", extra="train")
    from ...api.training import train_run
    from ...data import Columns
    from ...fit.matching.config import load_train_config

    settled = load_train_config(config, overrides=settings or [])
    console = Console(stderr=True)
    with interruptible("go on with the same command and --resume"):
        summary = train_run(
            data,
            base=base,
            out=out,
            tasks=tasks,
            only=only,
            config=settled,
            split=split,
            validation=None if validation == "none" else validation,
            split_off=split_off,
            more=more or (),
            soft=soft or (),
            columns=Columns(first, second, label),
            encoding=encoding,
            on_bad_line=on_bad_line,
            resume=resume,
            frozen_cache=frozen_cache,
            console=console,
        )
    if summary is None:
        return
    if summary.judgement is not None:
        shown = Console()
        shown.print(judgement_table(summary.judgement, width=shown.width))
    console.print(f"模型已写入 {out}（取自第 {summary.step} 步）", markup=False, highlight=False)
