"""The verb ``yanmo evaluate``."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ...atomic import replacing
from ...data import FileFormat, OnBadLine
from ...errors import InputError, require_extra
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .tables import consistency_lines, detail_lines, difference_lines, judgement_table, truncation_lines

if TYPE_CHECKING:
    from ...api import Evaluation

__all__ = ["evaluate"]


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL... [DATA]", help="一个或几个模型目录或 default，数据 / matchers, then data"),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="含各任务目录的数据目录，或一个标注文件 / the tasks' folders, or one labelled file"),
    ] = None,
    split: Annotated[str, typer.Option(help="目录中要评估的部分 / split of a folder")] = "valid",
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "--only", help="只评估这些标准，逗号分隔 / only these standards, repeatable"),
    ] = None,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    label: Annotated[str | None, typer.Option(help="标注的列名 / column of the label")] = None,
    file_format: Annotated[FileFormat | None, typer.Option("--format", help="文件格式 / how rows stand")] = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="阈值取自另一半数据，而非模型自带 / thresholds from the other half")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="结果写为 JSON / write the numbers")] = None,
    report: Annotated[Path | None, typer.Option(help="写一个自足的 HTML 报告 / write an HTML page")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码，auto 为自动 / text encoding, such as gb18030")] = "auto",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
    device: Annotated[
        str | None, typer.Option(help="打分的设备，如 cuda；导出的模型只用 CPU / where torch computes, such as cuda")
    ] = None,
) -> None:
    """Judge matchers on labelled pairs, by the thresholds they carry; several are compared on the same pairs.

    The first matcher's standards say what the labels mean.

    Example: yanmo evaluate runs/sohu pairs.xlsx --task ssA --report report.html
    """
    if report is not None:  # now rather than after minutes of scoring
        require_extra("matplotlib", extra="train")
    from ...api.evaluation import compare, evaluate_pairs, read_labelled
    from ...data import Columns, RejectFile

    models, data = _models_and_data(models, data)
    matchers = {name: open_matcher(name, device=device) for name in dict.fromkeys(models)}
    task_set = matchers[models[0]].matching.task_set
    for name, matcher in matchers.items():
        known = matcher.matching.task_set.names
        if not set(known) & set(task_set.names):
            raise InputError(f"knows none of the standards of {models[0]}", where=name, fix="compare what they share")
        if len(matchers) > 1:
            task_set = task_set.subset([each for each in task_set.names if each in known])
    beside = json_out or report or Path("evaluation")
    skip = on_bad_line is OnBadLine.SKIP
    with RejectFile(beside.with_name(f"{beside.name}.rejects.jsonl")) if skip else nullcontext() as rejected:
        pairs = read_labelled(
            data,
            task_set,
            tasks=task,
            split=split,
            columns=Columns(first, second, label),
            file_format=file_format,
            encoding=encoding,
            on_bad_line=on_bad_line,
            reject_file=rejected,
        )
    found: dict[str, Evaluation] = {}
    n_pairs, n_done = len(matchers) * sum(map(len, pairs.values())), 0
    with RunProgress(Console(stderr=True)) as progress:

        def count(n: int) -> None:
            nonlocal n_done
            n_done += n
            progress.show("打分 scoring", n_done, max(n_pairs, n_done), unit="pairs")

        for name, matcher in matchers.items():
            found[name] = evaluate_pairs(matcher, pairs, halves=halves, on_progress=count)
    differences = {name: compare(found[models[0]], found[name]) for name in list(found)[1:]}
    _show(found, Console(), several=len(found) > 1)
    console = Console()
    for name, entries in differences.items():
        for line in difference_lines(models[0], name, entries):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if json_out is not None:
        values: dict[str, Any] = found[models[0]].as_json()
        if differences:
            values = {"models": {name: each.as_json() for name, each in found.items()}} | {
                "differences": {name: [asdict(entry) for entry in entries] for name, entries in differences.items()}
            }
        with replacing(json_out) as temporary:
            temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if report is not None:
        _report(report, found, differences, title=f"{' · '.join(found)} · {data} · {split}")
        console.print(f"报告已写入 {report}", markup=False, highlight=False, soft_wrap=True)


def _models_and_data(words: list[str], data: str | None) -> tuple[list[str], str]:
    """The last word is the data where no --data is given."""
    if data is not None:
        return words, data
    if len(words) < 2:
        raise InputError("there is no data to judge on", fix="name a labelled file or a folder after the model")
    return words[:-1], words[-1]


def _show(found: "Mapping[str, Evaluation]", console: Console, *, several: bool) -> None:
    for name, each in found.items():
        if several:
            console.print(f"\n{name}", markup=False, highlight=False, style="bold")
        console.print(judgement_table(each.judgement, width=console.width))
        lines = [
            *truncation_lines(each.truncation),
            *consistency_lines(each.consistency),
            *detail_lines(each.scores),
        ]
        for line in [*lines, *([each.note] if each.note else [])]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _report(path: Path, found: "Mapping[str, Evaluation]", differences: Mapping[str, Any], *, title: str) -> None:
    if not differences:
        next(iter(found.values())).write_report(path, title=title)
        return
    from ...evaluate import write_comparison

    notes = "".join(f"{name}：{each.note}" for name, each in found.items() if each.note)
    write_comparison(path, {name: each.judgement for name, each in found.items()}, differences, title=title, note=notes)
