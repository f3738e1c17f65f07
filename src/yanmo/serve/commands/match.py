"""The verb ``yanmo match``."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...data.named_tasks import task_names
from ...match import open_matcher

if TYPE_CHECKING:
    from ...data import TaskSet
    from ...match import Verdict

__all__ = ["match"]


def match(
    texts: Annotated[
        list[str],
        typer.Argument(metavar="[MODEL] TEXT TEXT", help="模型目录（省略则用自带的）与两段文本 / a folder, two texts"),
    ],
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "--only", help="只看这些标准，逗号分隔或多次给出 / only these standards, repeatable"),
    ] = None,
) -> None:
    """Score one pair under every standard of a matcher, or those named; the bundled matcher if none is given.

    A text may begin with a dash, as -5度 does; put -- before the texts where it is spelled like an option.

    Example: yanmo match 巴萨获胜 巴塞罗那赢球 --task ssA,ssB
    """
    if len(texts) not in (2, 3):
        raise typer.BadParameter(f"give two texts, and a model's folder before them if need be, not {len(texts)} words")
    # Here: it needs numpy, which the list of verbs does not.
    from ...match.verdicts import declared_details, with_implied

    *model, text1, text2 = texts
    matcher = open_matcher(model[0] if model else "default")
    task_set = matcher.matching.task_set
    names = task_names(task_set, task)
    tasks = sorted(
        (task_set.task(name) for name in names), key=lambda each: _first_of_group(names, each.group, task_set)
    )
    table = Table(box=SIMPLE, pad_edge=False)
    with_groups = any(each.group for each in tasks)
    for column in (*([""] if with_groups else []), "任务", "概率", "阈值", "判断"):
        table.add_column(column)
    rows = matcher.rows([(text1, text2)], tasks=with_implied(task_set, names))
    found, shown = matcher.judge_rows(rows), None
    for each in tasks:
        if shown is not None and each.group != shown:
            table.add_section()
        label = each.name if each.title == each.name else f"{each.name} {each.title}"
        verdict = found[each.name]
        table.add_row(
            *([escape(each.group) if each.group != shown else ""] if with_groups else []),
            escape(label),
            f"{verdict.probabilities[0]:.3f}",
            f"{matcher.matching.decision(each.name).threshold:.3f}",
            _answer(verdict),
        )
        shown = each.group
    console = Console()
    console.print(table)
    if any(each.is_blank.any() for each in found.values()):
        console.print("两段都没有可读的内容，因此不匹配。")
    apart = [each for each in tasks if found[each.name].is_apart[0]]
    if apart:
        said = "、".join(rows.details.said(0, set().union(*(declared_details(task_set, each.name) for each in apart))))
        console.print(f"* 两段只差 {said}，而这些标准要求一致。", markup=False, highlight=False)
    if rows.n_unknown.any():
        console.print("文本一、文本二各有 {:,}、{:,} 处词表不认识的字。".format(*rows.n_unknown[0].tolist()))


def _answer(verdict: "Verdict") -> str:
    if verdict.asked[0]:
        return "请人看"
    if verdict.accepted[0]:
        return "匹配"
    return "不匹配 *" if verdict.is_apart[0] else "不匹配"


def _first_of_group(names: tuple[str, ...], group: str, task_set: "TaskSet") -> int:
    """Place of the first task under the same heading, so that those of one heading stand together."""
    return next(i for i, name in enumerate(names) if task_set.task(name).group == group)
