"""The verb ``yanmo audit``."""

import csv
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...atomic import replacing
from ...data import FileFormat, OnBadLine
from ...data.named_tasks import task_names
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .interruptible import interruptible
from .one_task import the_standard

if TYPE_CHECKING:
    from ...standard import Audit

__all__ = ["audit"]

_SHOWN, _CELLS = 10, 24


def audit(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    labelled: Annotated[Path, typer.Argument(help="有标注的文本对 / the labelled pairs")],
    task: Annotated[list[str] | None, typer.Option("--task", "--only", help="按哪个标准 / the standard")] = None,
    report: Annotated[Path | None, typer.Option(help="写一个自足的 HTML 报告 / write an HTML page")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="每行的怀疑写为 CSV / every row's doubt, CSV")] = None,
    n_suspects: Annotated[int, typer.Option("--top", min=1, help="列出几个 / suspects shown, at most")] = 50,
    n_explained: Annotated[
        int, typer.Option("--explain", min=0, help="解释其中几个，每个十次打分 / suspects explained, ten scores each")
    ] = 20,
    beside: Annotated[
        list[str] | None, typer.Option("--beside", help="另看这些标准的概率 / other standards that may help to tell")
    ] = None,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="编号的列名 / column of the id")] = None,
    file_format: Annotated[FileFormat | None, typer.Option("--format", help="文件格式 / how rows stand")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Find labels that are probably wrong, pairs labelled twice, and labels that contradict each other.

    Each label is judged by a model that was fitted on the others, so a matcher's own training labels may be audited.

    Example: yanmo audit default labelled.csv --task law --report audit.html
    """
    from ...data import Columns, RejectFile, read_pairs
    from ...errors import InputError
    from ...standard import audit_labels, explain_pairs, write_audit

    matcher = open_matcher(model)
    task_set = matcher.matching.task_set
    standard = the_standard(task_set, task, fix="audit one standard at a time")
    others = [name for name in (task_names(task_set, beside) if beside else ()) if name != standard]
    for written in (report, out):
        if written is not None and written.resolve() == labelled.resolve():
            raise InputError("would be read and written at once", where=labelled, fix="name another output")
    skip = on_bad_line is OnBadLine.SKIP
    with RejectFile(labelled.with_name(f"{labelled.name}.rejects.jsonl")) if skip else nullcontext() as rejected:
        pairs = list(
            read_pairs(
                labelled,
                task=task_set.task(standard),
                task_set=task_set,
                columns=Columns(first, second, id=id_column) if first or second or id_column else None,
                file_format=file_format,
                encoding=encoding,
                on_bad_line=on_bad_line,
                reject_file=rejected,
            )
        )
    console, done = Console(), 0
    with (
        interruptible("nothing was written; repeat the command"),
        RunProgress(Console(stderr=True)) as progress,
    ):

        def count(n: int) -> None:
            nonlocal done
            done += n
            progress.show("打分 scoring", done, max(len(pairs), done), unit="pairs")

        found = audit_labels(matcher, pairs, task=standard, beside=others, n_suspects=n_suspects, on_progress=count)
        chosen = [suspect.row for suspect in found.suspects[:n_explained]] if report is not None else []
        texts = [(pairs[row].text0, pairs[row].text1) for row in chosen]
        explained = explain_pairs(matcher, texts, task=standard) if texts else []
    _show(found, console)
    if report is not None:
        title = f"标注审查：{labelled.name} · {standard}"
        write_audit(report, found, title=title, explanations=dict(zip(chosen, explained, strict=True)))
        console.print(f"报告已写入 {report}", markup=False, highlight=False, soft_wrap=True)
    if out is not None:
        _write(out, found)
        console.print(f"每行的怀疑已写入 {out}", markup=False, highlight=False, soft_wrap=True)


def _show(found: "Audit", console: Console) -> None:
    structure = found.structure
    rate = "" if found.base_rate is None else f"，使用时 {found.base_rate:.1%}"
    for line in (
        f"{len(found.pairs):,} 对，{found.n_contradicted:,} 个标注更可能是错的"
        + ("" if found.is_learned else "（标注太少，只凭模型自己的概率）"),
        f"标注为匹配的占 {found.label_rate:.1%}，不看标注估计 {found.expected_rate:.1%}{rate}",
        f"同一对文本标注不同的 {len(structure.disputed):,} 组；相同的文本标为不匹配的 {len(structure.identical):,} 对；"
        f"甲＝乙、乙＝丙而甲≠丙的 {structure.n_triangles:,} 处",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    table = Table("行", "文本一", "文本二", "标注", "建议", "标错", box=SIMPLE, pad_edge=False)
    for suspect in found.suspects[:_SHOWN]:
        pair = found.pairs[suspect.row]
        labels = ("匹配" if suspect.label else "不匹配", "匹配" if suspect.suggested else "不匹配")
        table.add_row(
            str(pair.line), *(escape(_cut(t)) for t in (pair.text0, pair.text1)), *labels, f"{suspect.doubt:.3f}"
        )
    console.print(table)


def _cut(text: str) -> str:
    return text if len(text) <= _CELLS else text[: _CELLS - 1] + "…"


def _write(path: Path, found: "Audit") -> None:
    """Writes one row a pair, the most doubtful first; a text that a spreadsheet would compute after an apostrophe."""
    from ...data.spreadsheet import spreadsheet_safe

    rows = sorted(range(len(found.pairs)), key=lambda row: -found.doubts[row])
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["line", "id", "text1", "text2", "label", "suggested", "doubt"])
        for row in rows:
            pair, label = found.pairs[row], int(found.labels[row])
            suggested = 1 - label if found.doubts[row] > 0.5 else label
            said = (spreadsheet_safe(text) for text in (pair.id or "", pair.text0, pair.text1))
            table.writerow([pair.line, *said, label, suggested, f"{found.doubts[row]:.4f}"])
