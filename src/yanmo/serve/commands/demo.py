"""The verb ``yanmo demo``: the main job on the pairs and by the matcher that ship: judge, decide, show."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from ...data import Pair
    from ...match import Matcher

__all__ = ["demo", "run_demo"]

_DECISIONS = "decisions.jsonl"


def demo(
    out: Annotated[Path, typer.Option(help="逐对的判断放在哪里 / where the decisions go")] = Path("yanmo-demo"),
) -> None:
    """Judge, decide and show the bundled pairs by the bundled matcher, in a few minutes and without a network.

    Example: yanmo demo
    """
    run_demo(out, Console())


def run_demo(out: Path, console: Console) -> None:
    """Runs the demonstration; it needs neither torch nor a network.

    Args:
        out: Folder for the decisions; those of an earlier demonstration are replaced.
        console: Where to say what happens.

    Raises:
        InputError: The folder cannot be written to.
    """
    from importlib import resources

    from ...bulk.pair_chunks import ScorerHere
    from ...bulk.predict import predict_files
    from ...bulk.request import prediction_sources
    from ...data import TaskSet, read_split
    from ...evaluate import judge_stored, score_split
    from ...match import Matcher
    from ...match.engines.remembering_engine import RememberingEngine
    from .tables import judgement_table

    began = time.monotonic()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    default = Matcher.default()
    loaded = time.monotonic() - began
    # The examples, the table and the decisions are of the same pairs.
    matcher = Matcher(RememberingEngine(default.engine), default.pair_encoder, default.matching)
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        task_set = TaskSet.load("standards")
        validation = read_split(sample, task_set, "valid")
        n_pairs = len({(p.text0, p.text1) for pairs in validation.values() for p in pairs})
        say(
            f"一个模型、{len(validation)} 个匹配标准（载入 {loaded:.1f} 秒）。"
            "标准不同，同一对文本的答案就不同，不只是松紧之分："
        )
        for line in _crossing(matcher, validation):
            say(line)
        say("\n新闻的三种长度（短短、短长、长长）各举两对，宽松标准问同一话题，严格标准问同一事件：")
        for line in _nested(matcher, validation):
            say(line)
        say(f"\n自带的 {n_pairs} 对样例，按模型自带的阈值判断：")
        rules = {name: matcher.matching.decision(name) for name in validation}
        judged = judge_stored(score_split(matcher, validation), rules)
        console.print(judgement_table(judged, width=console.width))
        decisions = out / _DECISIONS
        decisions.unlink(missing_ok=True)
        sources = prediction_sources(task_set, sample, tasks=None, split="valid")
        predict_files(ScorerHere(matcher), sources, decisions, restart=True)
    program = sys.argv[0] if Path(sys.argv[0]).name == "yanmo" else "yanmo"
    say(
        f"用时 {time.monotonic() - began:.0f} 秒。逐对的判断在 {decisions}。"
        "\n样例由我们自己编写，有意多放只差一个数字、地点或名字的文本对，比真实数据难；"
        "真实数据上的指标与区间见模型卡（assets/default/README.md）与项目的 README。"
        "\n\n接下来："
        f"\n  {program} match '文本一' '文本二'                               所有标准下的概率与判断"
        f"\n  {program} predict default 待判断.jsonl --task question -o 结果.csv    给自己的文本对打分"
        f"\n  {program} train --data 数据目录 --base 编码器目录 --out runs/我的模型   用自己的标注训练"
        f"\n  {program} recipe list                                       训练设置的例子"
        f"\n  {program} evaluate runs/我的模型 --data 数据目录 --report report.html  指标、区间、曲线与最严重的错误"
    )


# Two standards, the label that the pair has under each (None: nobody judged it), and what that means.
_CROSSINGS = (
    ("review_kind", "review_opinion", (1, 0), "同一类商品，一褒一贬"),
    ("review_kind", "review_opinion", (0, 1), "不同商品，同褒或同贬"),
    ("intent", "health", (1, None), "意图相同，问的病不同"),
)
_LENGTHS = tuple(
    (f"{length}A", f"{length}B", labels, truth)
    for length in ("ss", "sl", "ll")
    for labels, truth in (((1, 1), "同一事件"), ((1, 0), "同一话题，不同事件"))
)


def _crossing(matcher: "Matcher", validation: "Mapping[str, Sequence[Pair]]") -> Iterator[str]:
    """A pair for each way in which two standards cross, of those that the model says so of."""
    for first, second, labels, truth in _CROSSINGS:
        yield _middle(matcher, validation, (first, second), labels, truth=truth, crossing=True)


def _nested(matcher: "Matcher", validation: "Mapping[str, Sequence[Pair]]") -> Iterator[str]:
    """Of each length a pair of one event and one of one topic but two events."""
    for loose, strict, labels, truth in _LENGTHS:
        yield _middle(matcher, validation, (strict, loose), labels[::-1], truth=truth)


def _middle(
    matcher: "Matcher",
    validation: "Mapping[str, Sequence[Pair]]",
    tasks: tuple[str, str],
    labels: tuple[int | None, int | None],
    *,
    truth: str,
    crossing: bool = False,
) -> str:
    """Shows the middle one, by the first standard's probability, of the pairs with these labels.

    The middle one, so that the model is shown neither at its best nor at its worst. Where standards are to be seen
    crossing, of the pairs on which the model has them cross, if there are any.
    """
    first, second = tasks
    others = {(p.text0, p.text1): p.label for p in validation[second]}
    pairs = [
        pair
        for pair in validation[first]
        if pair.label == labels[0] and others.get((pair.text0, pair.text1)) == labels[1]
    ]
    found = matcher.judge([(p.text0, p.text1) for p in pairs], tasks=tasks)
    rows: Sequence[int] = range(len(pairs))
    if crossing:
        rows = [i for i in rows if found[first].accepted[i] == labels[0] != found[second].accepted[i]] or rows
    row = sorted(rows, key=lambda i: float(found[first].probabilities[i]))[len(rows) // 2]
    task_set = matcher.matching.task_set
    verdicts = "　".join(
        f"{task_set.task(name).title} {found[name].probabilities[row]:.2f} {'✓' if found[name].accepted[row] else '✗'}"
        for name in sorted(tasks, key=task_set.index)
    )
    return f"  [{verdicts}]（{truth}）{_short(pairs[row].text0)}　↔　{_short(pairs[row].text1)}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
