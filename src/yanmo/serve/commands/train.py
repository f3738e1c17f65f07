"""The verb ``yanmo train``."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...data import OnBadLine, RejectFile
from ...errors import require_extra
from .interruptible import interruptible
from .tables import judgement_table
from .task_names import task_names

__all__ = ["train"]


def train(
    data: Annotated[Path, typer.Option(help="含各任务目录的数据目录 / folder with the tasks' folders")],
    base: Annotated[
        Path,
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
    tasks: Annotated[str, typer.Option(help="任务文件或自带任务集 / a task file or a set that ships")] = "sohu",
    only: Annotated[
        list[str] | None, typer.Option(help="只训练这些任务，逗号分隔 / only these tasks of it, repeatable")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="训练设置 YAML / settings")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="覆盖一项设置 / key=value")] = None,
    split: Annotated[str, typer.Option(help="训练集名 / split to train on")] = "train",
    validation: Annotated[
        str, typer.Option(help="验证集名，none 为不验证 / split for thresholds and stopping, or none")
    ] = "valid",
    resume: Annotated[bool, typer.Option("--resume", help="接着被中断的运行 / go on with a killed run")] = False,
    frozen_cache: Annotated[
        Path | None, typer.Option(help="多次运行共用的冻结层状态 / states of frozen layers, kept between runs")
    ] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Train one matcher on all tasks and choose a threshold for each.

    For several processes, each with its share of every batch: torchrun --nproc-per-node 2 $(which yanmo) train ...

    Example: yanmo train --data data --base default --out runs/sohu --set n_epochs=2
    """
    require_extra("accelerate", extra="train")
    from ...data import TaskSet, read_split
    from ...fit.loop.processes import join_processes
    from ...fit.matching.config import load_train_config
    from ...fit.matching.run import train_matcher
    from ...match.named_matcher import named_folder

    task_set = TaskSet.load(tasks)
    if only:
        task_set = task_set.subset(task_names(task_set, only))
    settled = load_train_config(config, overrides=settings or [])
    is_first = join_processes().is_first
    pairs = {}
    with _rejects(out, on_bad_line, is_first=is_first) as rejected:
        for name in (split,) if validation == "none" else (split, validation):
            pairs[name] = read_split(
                data, task_set, name, encoding=encoding, on_bad_line=on_bad_line, reject_file=rejected
            )
        added = [(folder, task_set) for folder in more or ()] + [(folder, task_set.softened()) for folder in soft or ()]
        for folder, its_tasks in added:
            others = read_split(
                folder, its_tasks, split, encoding=encoding, on_bad_line=on_bad_line, reject_file=rejected
            )
            for task, rows in others.items():
                pairs[split].setdefault(task, []).extend(rows)
    console = Console(stderr=True)
    for name, rows in pairs[split].items() if is_first else ():
        n_positive = sum(pair.label is not None and pair.label >= 0.5 for pair in rows)
        if n_positive in (0, len(rows)):
            line = f"注意：任务 {name} 的 {len(rows):,} 对训练文本中匹配 {n_positive:,} 对，只有一类，学不到标准"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    with interruptible("go on with the same command and --resume"):
        summary = train_matcher(
            pairs[split],
            pairs.get(validation, {}),
            task_set=task_set,
            base=named_folder(base),
            out=out,
            config=settled,
            resume=resume,
            frozen_cache=frozen_cache,
            origin={
                "base": str(base),
                "data": ", ".join(map(str, [data, *(more or ()), *(soft or ())])),
                "tasks": tasks,
                "split": split,
                "validation": validation,
            },
            console=console,
        )
    if not is_first:
        return
    if summary.judgement is not None:
        shown = Console()
        shown.print(judgement_table(summary.judgement, width=shown.width))
    console.print(f"模型已写入 {out}（取自第 {summary.step} 步）", markup=False, highlight=False)


@contextmanager
def _rejects(out: Path, on_bad_line: OnBadLine, *, is_first: bool) -> Iterator[RejectFile | None]:
    """Opens the file for bad lines where they are left out; of several processes the first one's is kept."""
    if on_bad_line is not OnBadLine.SKIP:
        yield None
        return
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = out.parent if is_first else Path(elsewhere)
        with RejectFile(folder / f"{out.name}.rejected.jsonl") as rejects:
            yield rejects
