"""The verbs ``yanmo standard learn``, ``list``, ``show`` and ``remove``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...errors import InputError
from ...match.named_matcher import open_matcher

if TYPE_CHECKING:
    from ...standard.learn import LearnReport

__all__ = ["standard_app", "standard_learn", "standard_list", "standard_remove", "standard_show"]

standard_app = typer.Typer(no_args_is_help=True, help="标准：学一个自己的 / standards: learn your own.")

_Model = Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")]
_Out = Annotated[Path, typer.Option("-o", "--out", help="写到哪个新目录 / the new folder")]


@standard_app.command("learn")
def standard_learn(
    model: _Model,
    examples: Annotated[Path, typer.Argument(help="标注好的文本对，十几到几百对 / labelled pairs, 16 to some hundred")],
    name: Annotated[str, typer.Option(help="新标准叫什么 / what the new standard is called")],
    out: _Out,
    title: Annotated[str, typer.Option(help="给人看的名字 / what people are shown")] = "",
    asks: Annotated[str, typer.Option(help="一句话：怎样算匹配 / in a sentence, what a match is")] = "",
    unlabelled: Annotated[
        Path | None, typer.Option(help="同类的、没有标注的文本对 / pairs of the same kind without labels")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="哪些标签算匹配，看不出来时给出，可多次 / labels that mean a match, repeatable"),
    ] = None,
    graded: Annotated[
        bool, typer.Option("--graded", help="标签是分数：从每一档起各成一个标准 / grades: a standard from each on")
    ] = False,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="两段文本的先后有意义（如查询与标题）/ the two sides differ in part")
    ] = False,
    details: Annotated[
        str,
        typer.Option(
            help="只差一处就不匹配的细节：all，或 number,date,place,person,company,negation,opposite,order 中几种 / "
            "details that must agree"
        ),
    ] = "",
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    label: Annotated[str | None, typer.Option(help="标签的列名 / column of the label")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    threads: Annotated[int | None, typer.Option(help="打分用几个线程 / threads that score", min=1)] = None,
) -> None:
    """Learn a standard of your own from a few labelled pairs; the other standards' scores stay as they are.

    Example: yanmo standard learn default examples.csv --name 同问题 --out my-matcher
    """
    from ...data import Columns
    from ...standard.learn import learn_with_report
    from ...standard.learn_file import read_examples, read_unlabelled

    columns = Columns(first, second, label=label) if first or second or label else None
    given = read_examples(examples, columns=columns, encoding=encoding)
    more = [] if unlabelled is None else read_unlabelled(unlabelled, columns=columns, encoding=encoding)
    _refuse_existing(out)
    matcher = open_matcher(model, n_threads=threads)
    began = time.monotonic()
    with Console(stderr=True).status("学习 learning"):
        learned, report = learn_with_report(
            matcher,
            given.pairs,
            given.labels,
            name=name,
            title=title,
            asks=asks,
            unlabelled=more,
            match=match or None,
            graded=graded,
            symmetric=not ordered,
            details=details,
            lines=given.lines,
            where=examples,
        )
    learned.save_pretrained(out)
    _report(Console(), report, out, seconds=time.monotonic() - began)


@standard_app.command("list")
def standard_list(model: _Model) -> None:
    """List a matcher's standards: trained ones, and those learned from a few pairs.

    Example: yanmo standard list my-matcher
    """
    matching = open_matcher(model).matching
    table = Table(box=SIMPLE, pad_edge=False)
    for column in ("标准", "说明", "阈值", "来历"):
        table.add_column(column)
    for task in matching.task_set.tasks:
        how = matching.learned.get(task.name)
        origin = "训练" if how is None else f"从 {how.n_pairs} 对学来（{'、'.join(how.sources)}）"
        title = "" if task.title == task.name else task.title
        table.add_row(escape(task.name), escape(title), f"{matching.decision(task.name).threshold:.3f}", escape(origin))
    Console().print(table)


@standard_app.command("show")
def standard_show(model: _Model, name: Annotated[str, typer.Argument(help="标准的名字 / the standard's name")]) -> None:
    """Show one standard: what it asks, how it decides, where it comes from.

    Example: yanmo standard show my-matcher 同问题
    """
    matching = open_matcher(model).matching
    task, decision, how = matching.task_set.task(name), matching.decision(name), matching.learned.get(name)
    rows = [
        ("标准", task.name),
        ("说明", task.title),
        ("怎样算匹配", task.asks or "没有写"),
        ("标签", task.known_labels),
    ]
    rows += [("阈值", f"{decision.threshold:.3f}"), ("蕴含", task.implies or "无")]
    rows += [("两段的先后", "无所谓" if task.symmetric else "有意义")]
    rows += [("必须一致的细节", "、".join(kind.title for kind in task.details) or "没有声明")]
    if how is None:
        rows += [("来历", "训练"), ("数据许可", task.licence or "没有写")]
        if decision.f1 is not None:
            rows += [("F1", f"{decision.f1:.3f}（{decision.n_examples} 对，阈值不在这些对上选）")]
    else:
        rows += [
            (
                "来历",
                f"{how.date} 从 {how.n_pairs} 对学来，其中 {how.n_matches} 对匹配，另有未标注 {how.n_unlabelled} 对",
            ),
            ("由哪些标准算出", "、".join(how.sources)),
            ("预计正确率", "不知道" if how.expected_accuracy is None else f"{how.expected_accuracy:.0%}（逐对留出）"),
            ("数据指纹", how.data[:16]),
        ]
    table = Table.grid(padding=(0, 2))
    for key, value in rows:
        table.add_row(escape(key), escape(value))
    Console().print(table)


@standard_app.command("remove")
def standard_remove(
    model: _Model,
    name: Annotated[str, typer.Argument(help="学来的标准 / a learned standard")],
    out: _Out,
) -> None:
    """Write the matcher anew without a learned standard; trained ones are in the weights and stay.

    Example: yanmo standard remove my-matcher 同问题 --out my-matcher-2
    """
    from ...standard.learn import remove_standard

    _refuse_existing(out)
    left = remove_standard(open_matcher(model), name=name)
    left.save_pretrained(out)
    _say(Console(), f"已写入 {out}，去掉了 {name}，还有 {len(left.matching.task_set.tasks)} 个标准")


def _refuse_existing(out: Path) -> None:
    """Says so before a minute is spent, and not after."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the output folder exists and is not empty", where=out, fix="name another or delete it")


def _report(console: Console, report: "LearnReport", out: Path, *, seconds: float) -> None:
    for line in report.lines:
        _say(console, line)
    _say(console, f"用时 {seconds:.0f} 秒，已写入 {out}")
    _say(console, f"接下来：yanmo match {out} '文本一' '文本二' --task {report.names[0]}")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
