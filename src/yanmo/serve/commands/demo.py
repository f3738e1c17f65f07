"""The verb ``yanmo demo``: the main job on the pairs and by the matcher that ship: judge, decide, show."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
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
    """Judge, decide and show the bundled pairs by the bundled matcher, in under a minute and without a network.

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
    from ...data import TaskSet, read_split
    from ...evaluate import judge_stored, score_split
    from ...match import Matcher
    from ..bulk.pair_chunks import OutputFormat, ScorerHere
    from ..bulk.predict import PredictSource, predict_files
    from .tables import judgement_table

    began = time.monotonic()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    matcher = Matcher.default()
    loaded = time.monotonic() - began
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        validation = read_split(sample, TaskSet.load("sohu"), "valid")
        n_pairs = sum(map(len, validation.values()))
        say(
            "六个任务：短短、短长、长长三种长度，各有宽松（同一话题）与严格（同一事件）两种标准。"
            f"\n自带的匹配模型（载入 {loaded:.1f} 秒）给自带的 {n_pairs} 对样例打分，按模型自带的阈值判断："
        )
        rules = {name: matcher.matching.decision(name) for name in validation}
        console.print(judgement_table(judge_stored(score_split(matcher, validation), rules)))
        decisions = out / _DECISIONS
        decisions.unlink(missing_ok=True)
        sources = [PredictSource(name, sample / name[:2] / "valid.txt") for name in validation]
        predict_files(ScorerHere(matcher), sources, decisions, output=OutputFormat.JSONL, restart=True)
        say("每种长度各举两对：同一对文本，在两种标准下的概率与判断：")
        for line in _shown(matcher, validation):
            say(line)
    program = sys.argv[0] if Path(sys.argv[0]).name == "yanmo" else "yanmo"
    say(
        f"\n用时 {time.monotonic() - began:.0f} 秒。逐对的判断在 {decisions}。"
        "\n样例由我们自己编写，有意多放只差一个数字、地点或名字的文本对：严格标准的短句对（ssB）在这里接近乱猜，"
        "\n真实数据上的指标与区间见模型卡（assets/default/README.md）与项目的 README。"
        "\n\n接下来："
        f"\n  {program} match '文本一' '文本二'                               六种标准下的概率与判断"
        f"\n  {program} predict default 待判断.jsonl --task ssB -o 结果.csv    给自己的文本对打分"
        f"\n  {program} train --data 数据目录 --base 编码器目录 --out runs/我的模型   用自己的标注训练，设置见 recipes/"
        f"\n  {program} evaluate runs/我的模型 --data 数据目录 --report report.html  指标、区间、曲线与最严重的错误"
    )


def _shown(matcher: "Matcher", validation: "Mapping[str, Sequence[Pair]]") -> Iterator[str]:
    """Of each length a pair of one event and one of one topic but two events: the middle ones by the model's score."""
    for length in ("ss", "sl", "ll"):
        loose, strict = f"{length}A", f"{length}B"
        found = matcher.judge([(p.text0, p.text1) for p in validation[loose]], tasks=[loose, strict])
        for wanted in (1, 0):
            rows = [
                i
                for i, (a, b) in enumerate(zip(validation[loose], validation[strict], strict=True))
                if a.label == 1 and b.label == wanted
            ]
            # The middle one, so that the model is shown neither at its best nor at its worst.
            row = sorted(rows, key=lambda i: float(found[strict].probabilities[i]))[len(rows) // 2]
            pair = validation[loose][row]
            verdicts = "　".join(
                f"{'宽松' if name == loose else '严格'} {found[name].probabilities[row]:.2f} "
                f"{'✓' if found[name].accepted[row] else '✗'}"
                for name in (loose, strict)
            )
            truth = "同一事件" if wanted else "同一话题，不同事件"
            yield f"  [{verdicts}]（{truth}）{_short(pair.text0)}　↔　{_short(pair.text1)}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
