"""The verb ``yanmo explain``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...atomic import replacing
from ...match.named_matcher import open_matcher
from .one_task import the_standard

if TYPE_CHECKING:
    from ...standard import Explanation

__all__ = ["explain"]

_N_EFFECTS = 5


def explain(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    text0: Annotated[str, typer.Argument(metavar="A", help="文本一 / the first text")],
    text1: Annotated[str, typer.Argument(metavar="B", help="文本二 / the second text")],
    task: Annotated[list[str] | None, typer.Option("--task", "--only", help="按哪个标准 / the standard")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="结果写为 JSON / write what was found")] = None,
) -> None:
    """Say why a pair matches or does not: the fewest words whose removal turns the answer, and what differs by rule.

    At most 15 % of the characters are taken out (or four, in short texts), and ten pairs are scored at most. A text may
    begin with a dash; put -- before the texts where it is spelled like an option.

    Example: yanmo explain default 感冒了吃什么药好 发烧了吃什么药好 --task question
    """
    from ...errors import InputError
    from ...standard import explain as explain_pair

    matcher = open_matcher(model)
    task_set = matcher.matching.task_set
    name = the_standard(task_set, task, fix="explain one standard at a time")
    if not (text0.strip() and text1.strip()):
        raise InputError("one of the texts is empty", fix="give two texts")
    found = explain_pair(matcher, text0, text1, task=name)
    _show(found, title=task_set.task(name).title)
    if json_out is not None:
        with replacing(json_out) as temporary:
            temporary.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _show(found: "Explanation", *, title: str) -> None:
    console = Console()
    verdict = "匹配" if found.accepted else "不匹配"
    label = found.task if title == found.task else f"{found.task} {title}"
    console.print(
        f"{label}：{verdict}（概率 {found.probability:.3f}，阈值 {found.threshold:.3f}）", markup=False, highlight=False
    )
    for side, text in enumerate(found.texts):
        line = Text(f"  {text}")
        for part in found.best.parts if found.best is not None and found.best.turns else ():
            if part.side == side:
                line.stylize("bold underline", part.start + 2, part.end + 2)
        console.print(line, soft_wrap=True)
    if found.best is not None and found.best.turns:
        words = "、".join(f"“{word}”" for word in found.best.words)
        other = "不匹配" if found.accepted else "匹配"
        console.print(
            f"去掉{words}（{found.share:.0%} 的字）就成了{other}：概率 {found.best.probability:.3f}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    else:
        console.print("在至多 15 % 的字里，没有找到去掉就让判断改变的词。")
    for difference in found.differences:
        sides = (difference.text0 or "（无）", difference.text1 or "（无）")
        console.print(
            f"{difference.kind.title}不同：{sides[0]} / {sides[1]}", markup=False, highlight=False, soft_wrap=True
        )
    table = Table("去掉", "概率", "判断", box=SIMPLE, pad_edge=False)
    for effect in found.effects[:_N_EFFECTS]:
        turned = found.accepted != effect.turns
        table.add_row(escape("、".join(effect.words)), f"{effect.probability:.3f}", "匹配" if turned else "不匹配")
    if found.effects:
        console.print(table)
    console.print(f"共打分 {found.n_scores} 次 / {found.n_scores} scores", highlight=False)
