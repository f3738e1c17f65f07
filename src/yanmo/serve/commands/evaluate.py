"""The verb ``yanmo evaluate``."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...atomic import replacing
from ...data import OnBadLine
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .tables import consistency_lines, judgement_table, truncation_lines
from .task_names import task_names

if TYPE_CHECKING:
    from ...data import Pair
    from ...match import Matcher

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    data: Annotated[Path, typer.Option(help="含各任务目录的数据目录 / folder with the tasks' folders")],
    split: Annotated[str, typer.Option(help="要评估的部分 / split")] = "valid",
    only: Annotated[
        list[str] | None, typer.Option(help="只评估这些任务，逗号分隔 / only these tasks, repeatable")
    ] = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="阈值取自另一半数据，而非模型自带 / thresholds from the other half")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", help="结果写为 JSON / write the numbers")] = None,
    report: Annotated[Path | None, typer.Option(help="写一个自足的 HTML 报告 / write an HTML page")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Judge a matcher on labelled pairs, by the thresholds it carries.

    Example: yanmo evaluate runs/sohu --data data --split valid --json result.json --report report.html
    """
    from ...data import RejectFile, read_split
    from ...evaluate import (
        judge_across_halves,
        judge_stored,
        measure_consistency,
        measure_truncation,
        score_split,
        write_report,
    )
    from ...standard import mix_note

    matcher = open_matcher(model)
    task_set = matcher.matching.task_set
    wanted = task_set.subset(task_names(task_set, only))
    beside = json_out or report or Path("evaluation")
    skip = on_bad_line is OnBadLine.SKIP
    with RejectFile(beside.with_name(f"{beside.name}.rejected.jsonl")) if skip else nullcontext() as rejected:
        pairs = read_split(data, wanted, split, encoding=encoding, on_bad_line=on_bad_line, reject_file=rejected)
    n_pairs = sum(map(len, pairs.values()))
    n_done = 0
    with RunProgress(Console(stderr=True)) as progress:

        def count(n: int) -> None:
            nonlocal n_done
            n_done += n
            progress.show("打分 scoring", n_done, max(n_pairs, n_done), unit="pairs")

        scores = score_split(matcher, pairs, on_progress=count)
        decisions = {task.task: matcher.matching.decision(task.task) for task in scores}
        judgement = judge_across_halves(scores) if halves else judge_stored(scores, decisions)
        # Where a strict task implies a loose one, the pairs of each are scored under the other as well.
        consistency = measure_consistency(matcher, scores, on_progress=count)
    truncation = measure_truncation(matcher, pairs)
    console = Console()
    console.print(judgement_table(judgement, width=console.width))
    for line in (*truncation_lines(truncation), *consistency_lines(consistency)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    note = "" if halves else _caveat(matcher, pairs)
    for each in scores if not halves else ():
        far = mix_note(each.task, decisions[each.task], n=len(each), n_matches=each.n_positive)
        note = "\n".join(filter(None, (note, far)))
    if note:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if json_out is not None:
        values = judgement.as_json() | {"note": note} | {"consistency": [asdict(entry) for entry in consistency]}
        values["truncation"] = {task: asdict(entry) for task, entry in truncation.items()}
        with replacing(json_out) as temporary:
            temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if report is not None:
        title = f"{model} · {data} · {split}"
        write_report(report, judgement, scores, decisions, title=title, note=note, consistency=consistency)
        console.print(f"报告已写入 {report}", markup=False, highlight=False, soft_wrap=True)


def _caveat(matcher: "Matcher", pairs: Mapping[str, Sequence["Pair"]]) -> str:
    """A warning where the pairs are those that the model's thresholds were chosen on."""
    from ...data import fingerprint_pairs

    chosen_on = (matcher.matching.training or {}).get("validation_fingerprint")
    if chosen_on != fingerprint_pairs(pairs):
        return ""
    return (
        "注意：模型自带的阈值正是在这份数据上选出的，以上数字偏乐观；加 --halves 让每个阈值在未参与选择的一半上判断。"
    )
