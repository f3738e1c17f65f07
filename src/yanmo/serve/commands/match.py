"""The verb ``yanmo match``."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...match import open_matcher

__all__ = ["match"]


def match(
    texts: Annotated[
        list[str],
        typer.Argument(metavar="[MODEL] TEXT TEXT", help="模型目录（省略则用自带的）与两段文本 / a folder, two texts"),
    ],
) -> None:
    """Score one pair under every task of a matcher, the bundled one if none is named.

    A text may begin with a dash, as -5度 does; put -- before the texts where it is spelled like an option.

    Example: yanmo match 巴萨获胜 巴塞罗那赢球
    """
    if len(texts) not in (2, 3):
        raise typer.BadParameter(f"give two texts, and a model's folder before them if need be, not {len(texts)} words")
    *model, text1, text2 = texts
    matcher = open_matcher(model[0] if model else "default")
    table = Table("任务", "概率", "阈值", "判断")
    rows = matcher.rows([(text1, text2)], tasks=matcher.matching.task_set.names)
    judged = matcher.judge_rows(rows)
    for task, found in judged.items():
        decision = matcher.matching.decision(task)
        title = matcher.matching.task_set.task(task).title
        label = task if title == task else f"{task} {title}"
        verdict = "匹配" if found.accepted[0] else "不匹配"
        table.add_row(escape(label), f"{found.probabilities[0]:.3f}", f"{decision.threshold:.3f}", verdict)
    console = Console()
    console.print(table)
    if any(found.is_blank.any() for found in judged.values()):
        console.print("两段都没有可读的内容，因此不匹配。")
    if rows.n_unknown.any():
        console.print("文本一、文本二各有 {:,}、{:,} 处词表不认识的字。".format(*rows.n_unknown[0].tolist()))
