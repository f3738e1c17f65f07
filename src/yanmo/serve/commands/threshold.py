"""The verb ``yanmo threshold``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...errors import InputError
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .one_task import one_task

if TYPE_CHECKING:
    from ...match import Decision

__all__ = ["threshold"]


def threshold(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    data: Annotated[Path, typer.Argument(help="已标注的文本对，不能是训练用过的 / labelled pairs, none trained on")],
    task: Annotated[list[str], typer.Option(help="哪个标准 / which standard")],
    precision: Annotated[float | None, typer.Option(help="承诺的精确率 / precision to promise")] = None,
    recall: Annotated[float | None, typer.Option(help="承诺的召回率 / recall to promise")] = None,
    cost: Annotated[
        str | None,
        typer.Option(help="错判与漏判的代价，如 5:1，取代价最小的阈值 / prices of a wrong and a missed match"),
    ] = None,
    confidence: Annotated[float, typer.Option(help="承诺的把握 / chance that the promise is kept")] = 0.95,
    base_rate: Annotated[
        float | None, typer.Option(help="使用时匹配所占的比例 / share of matches where it is used")
    ] = None,
    unlabelled: Annotated[
        Path | None, typer.Option(help="使用时的文本对，未标注，由它估计比例 / pairs in use, to estimate the share")
    ] = None,
    ask: Annotated[
        float | None, typer.Option(help="最没有把握的这个比例交给人 / share of pairs to leave to a person")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="写成新目录，原目录不动 / write a new folder")] = None,
    show: Annotated[bool, typer.Option("--show", help="只显示，不写 / write nothing")] = False,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    label: Annotated[str | None, typer.Option(help="标签的列名 / column of the label")] = None,
) -> None:
    """Set a standard's threshold on labelled pairs, with a promise that holds whatever the model.

    Example: yanmo threshold my-matcher labelled.csv --task law --precision 0.95
    """
    from ...data import Columns
    from ...standard import ask_threshold, base_rate_threshold, keep_decision, promise_threshold

    promised = [value for value in (precision, recall, cost) if value is not None]
    moved = [value for value in (base_rate, unlabelled) if value is not None]
    if len(promised) + len(moved) > 1:
        raise InputError(
            "one threshold cannot be chosen in two ways",
            fix="give one of --precision, --recall, --cost, --base-rate and --unlabelled; a promise of precision holds "
            "at the mix of the labelled pairs",
        )
    if not promised and not moved and ask is None:
        raise InputError("nothing was asked of the threshold", fix="add --precision 0.95, --recall, --cost or --ask")
    name = one_task(task, fix="repeat the command for the other")
    if name is None:
        raise InputError("--task is empty", fix="name a standard")
    if model == "default" and out is None and not show:
        raise InputError("the bundled matcher is not written to", fix="add --out FOLDER, or --show")
    matcher = open_matcher(model)
    decision, lines = matcher.matching.decision(name), []
    columns = Columns(first, second, label) if first or second or label else None
    with RunProgress(Console(stderr=True)) as progress:
        n_done = 0

        def count(n: int) -> None:
            nonlocal n_done
            n_done += n
            progress.show("打分 scoring", n_done, None, unit="pairs")

        if promised:
            decision = promise_threshold(
                matcher,
                data,
                task=name,
                precision=precision,
                recall=recall,
                costs=None if cost is None else _prices(cost),
                confidence=confidence,
                columns=columns,
                on_progress=count,
            )
            lines.append(promise_line(name, decision))
        elif moved:
            decision = base_rate_threshold(
                matcher,
                data,
                task=name,
                base_rate=base_rate,
                unlabelled=unlabelled,
                columns=columns,
                on_progress=count,
            )
            source = "估计" if unlabelled is not None else "按"
            lines.append(
                f"{name}：{source}匹配占 {decision.base_rate or 0:.1%}，阈值 {decision.threshold:.3f}，概率已随之移动"
            )
        if ask is not None:
            decision, (asked, wrong, left) = ask_threshold(
                matcher, decision, data, task=name, share=ask, columns=columns, on_progress=count
            )
            lines.append(
                f"{name}：概率在 {decision.ask_above:.3f} 与 {decision.ask_below:.3f} 之间交给人，"
                f"占这份数据的 {asked:.1%}；其余判错的由 {wrong:.1%} 降到 {left:.1%}"
            )
    if not show:
        written = keep_decision(matcher, decision, task=name, folder=Path(model), into=out)
        lines.append(f"已写入 {written}")
    for line in lines:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)


def promise_line(task: str, decision: "Decision") -> str:
    """Says a promise in one line.

    Args:
        task: Name of the standard.
        decision: Its rule, with a promise.

    Returns:
        The line.
    """
    promise = decision.promise
    if promise is None:
        return f"{task}：阈值 {decision.threshold:.3f}，没有承诺"
    said = {
        "precision": f"精确率不低于 {promise.level:g}",
        "recall": f"召回率不低于 {promise.level:g}",
        "cost": f"每对的平均代价不高于 {promise.level:.3g}",
    }[promise.kind.value]
    return (
        f"{task}：阈值 {decision.threshold:.3f}，{said}（把握 {promise.confidence:.0%}，{promise.n:,} 对、"
        f"{promise.n_matches:,} 对匹配）；在这些对上精确率 {promise.precision:.3f}，召回率 {promise.recall:.3f}"
    )


def _prices(text: str) -> tuple[float, float]:
    try:
        false_match, missed_match = (float(part) for part in text.replace("：", ":").split(":"))
    except ValueError:
        raise InputError(
            f"--cost is '{text}'", fix="give the price of a wrong match and of a missed one, such as 5:1"
        ) from None
    return false_match, missed_match
