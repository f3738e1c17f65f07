"""The verb ``yanmo compare``."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...atomic import replacing
from ...data.named_tasks import task_names
from ...errors import InputError
from ...match.named_matcher import open_matcher
from ...progress import RunProgress

if TYPE_CHECKING:
    from ...data import Columns, Pair, Task, TaskSet
    from ...standard import Change

__all__ = ["compare"]

_LIMIT = re.compile(r"(?P<name>[a-z0-9]+)\s*>\s*(?P<limit>-?[0-9.]+)(?P<percent>%?)")


def compare(
    old: Annotated[str, typer.Argument(help="从前的模型 / the matcher before")],
    new: Annotated[str, typer.Argument(help="现在的模型 / the matcher now")],
    data: Annotated[Path, typer.Argument(help="文本对，有标签更好 / pairs, better with labels")],
    task: Annotated[list[str], typer.Option(help="按哪些标准，可多次给出 / by which standards, repeatable")],
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="超过则以 1 退出：flips>2%、move>0.3、worse>1%、accuracy>0.01、f1>0.01，或 worse（显著变差）/ "
            "exit with 1 beyond a limit, or when significantly worse; repeatable"
        ),
    ] = None,
    moves: Annotated[int, typer.Option(min=1, help="列出几对 / how many pairs to show")] = 10,
    json_out: Annotated[Path | None, typer.Option("--json", help="结果写为 JSON / write the numbers")] = None,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    label: Annotated[str | None, typer.Option(help="标签的列名 / column of the label")] = None,
) -> None:
    """Say what changed between two matchers on the same pairs: flips, for better or worse, and the largest moves.

    Example: yanmo compare matcher-1 matcher-2 pairs.csv --task law --fail-if worse --fail-if "flips>5%"
    """
    from ...data import Columns
    from ...standard import compare_matchers

    limits = [_limit(text) for text in fail_if or ()]
    before, now = open_matcher(old), open_matcher(new)
    task_set = now.matching.task_set
    names = task_names(task_set, task)
    before.matching.task_set.subset(names)
    columns = Columns(first, second, label) if first or second or label else None
    changes = []
    with RunProgress(Console(stderr=True)) as progress:
        for name in names:
            pairs = _pairs(data, task_set.task(name), task_set, columns)
            n_done = 0

            def count(n: int, *, name: str = name, total: int = 2 * len(pairs)) -> None:
                nonlocal n_done
                n_done += n
                progress.show(f"打分 scoring {name}", n_done, total, unit="pairs")

            changes.append(compare_matchers(before, now, pairs, task=name, n_moves=moves, on_progress=count))
    console = Console()
    for change in changes:
        for line in change_lines(change):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print(_table(change))
    if json_out is not None:
        with replacing(json_out) as temporary:
            content = json.dumps([change.as_json() for change in changes], ensure_ascii=False, indent=2)
            temporary.write_text(content + "\n", encoding="utf-8")
    broken = [said for change in changes for said in _broken(change, limits)]
    for said in broken:
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    if broken:
        raise typer.Exit(1)


def change_lines(change: "Change") -> list[str]:
    """Says a change in a line or two.

    Args:
        change: What changed.

    Returns:
        The lines.
    """
    share = change.n_flips / max(change.n, 1)
    lines = [
        f"{change.task}：{change.n:,} 对中 {change.n_flips:,} 对改判（{share:.1%}），"
        f"改为匹配 {change.n_to_match:,}，改为不匹配 {change.n_to_other:,}；概率平均移动 {change.mean_move:.3f}"
    ]
    found = change.labelled
    if found is not None:
        lines.append(
            f"按标签：变好 {found.n_better:,}，变坏 {found.n_worse:,}（McNemar p = {found.p_value:.3g}）；"
            f"正确率 {found.old.accuracy:.3f} → {found.new.accuracy:.3f}，F1 {found.old.f1:.3f} → {found.new.f1:.3f}"
        )
    return lines


def _table(change: "Change") -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    for column in ("从前", "现在", "改判", "标签", "文本一", "文本二"):
        table.add_column(column)
    for move in change.moves:
        label = "" if move.label is None else str(move.label)
        cells = (f"{move.old:.3f}", f"{move.new:.3f}", "是" if move.flipped else "", label, move.text0, move.text1)
        table.add_row(*map(escape, cells))
    return table


def _pairs(data: Path, task: "Task", task_set: "TaskSet", columns: "Columns | None") -> "list[Pair]":
    """Reads labels where the file has the column; one that lacks it is compared without."""
    from ...data import read_pairs

    with read_pairs(data, task_set=task_set, labelled=False, columns=columns) as reader:
        next(reader)
        has_labels = (columns.label if columns and columns.label else task.column) in reader.found
    return list(read_pairs(data, task=task, task_set=task_set, labelled=has_labels, columns=columns))


def _limit(text: str) -> tuple[str, float | None]:
    if text.strip() == "worse":
        return "worse", None
    found = _LIMIT.fullmatch(text.strip())
    try:
        if found is None or found["name"] not in ("flips", "move", "worse", "accuracy", "f1"):
            raise ValueError
        return found["name"], float(found["limit"]) / (100 if found["percent"] else 1)
    except ValueError:
        raise InputError(
            f"--fail-if is '{text}'", fix="write worse, flips>2%, move>0.3, worse>1%, accuracy>0.01 or f1>0.01"
        ) from None


def _broken(change: "Change", limits: Sequence[tuple[str, float | None]]) -> list[str]:
    said = []
    for name, limit in limits:
        if limit is None:
            change.measure("worse")  # refuses pairs without labels
            found = change.labelled
            if found is not None and found.n_worse > found.n_better and found.p_value < 0.05:
                said.append(f"{change.task}：显著变差 / significantly worse, p = {found.p_value:.3g}")
        elif (value := change.measure(name)) > limit:
            said.append(f"{change.task}：{name} = {value:.4g}，超过 / beyond {limit:g}")
    return said
