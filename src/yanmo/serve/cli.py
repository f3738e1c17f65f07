"""The command ``yanmo``: one verb a function. Exit codes: 0 done, 1 failed with one sentence, 2 wrong use."""

import json
import sys
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..errors import InputError, YanmoError, require_extra
from ..match.rejects import OnBadLine, RejectFile
from ..match.split import read_split
from ..match.tasks import TaskSet
from .tables import judgement_table

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Yanmo 研墨: 中文文本匹配 / Chinese text matching.")


class InputFormat(str, Enum):
    """How texts stand in the lines of standard input."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def _program() -> None:
    """Keeps verbs visible even where there is only one."""


@app.command()
def tokenize(
    path: Annotated[Path, typer.Argument(help="vocab.txt 或 Hugging Face 目录 / a vocabulary file or a model folder")],
    characters: Annotated[bool, typer.Option("--characters", help="按字切分 / split to characters")] = False,
    input_format: Annotated[
        InputFormat, typer.Option(help="每行一段文本或一个 JSON 字符串 / one a line")
    ] = InputFormat.TEXT,
    ids: Annotated[bool, typer.Option("--ids", help="输出 id（含 [CLS] 与 [SEP]）/ print ids")] = False,
) -> None:
    """Tokenize standard input, one text a line, to one JSON array a line.

    Example: echo 今天天气不错 | yanmo tokenize vocab.txt --ids
    """
    from ..tokenize import load_tokenizer, with_special_tokens

    tokenizer = load_tokenizer(path, characters=characters)
    for number, line in enumerate(sys.stdin.buffer, 1):
        text = _text_of(line, number, input_format)
        if ids:
            row: list[int] | list[str] = with_special_tokens(tokenizer, text)
        else:
            row = [text[start:end] for start, end in tokenizer.encode(text).offsets.tolist()]
        # A lone surrogate has no UTF-8, but its backslash form is what JSON writes for it.
        sys.stdout.buffer.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


@app.command()
def match(
    run: Annotated[Path, typer.Argument(help="模型目录 / a matcher's folder")],
    text1: Annotated[str, typer.Argument(help="文本一 / first text")],
    text2: Annotated[str, typer.Argument(help="文本二 / second text")],
) -> None:
    """Score one pair under every task of a matcher.

    Example: yanmo match runs/sohu 巴萨获胜 巴塞罗那赢球
    """
    from ..match import Matcher

    matcher = Matcher.from_pretrained(run)
    table = Table("任务", "概率", "阈值", "判断")
    for task, scores in matcher.score_all([(text1, text2)]).items():
        decision = matcher.matching.decision(task)
        title = matcher.matching.task_set.task(task).title
        label = task if title == task else f"{task} {title}"
        verdict = "匹配" if decision.accepts(scores)[0] else "不匹配"
        table.add_row(label, f"{scores[0]:.3f}", f"{decision.threshold:.3f}", verdict)
    Console().print(table)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="含各任务目录的数据目录 / folder with the tasks' folders")],
    base: Annotated[Path, typer.Option(help="编码器的 Hugging Face 目录 / the encoder to start from")],
    out: Annotated[Path, typer.Option(help="运行目录 / where the run and the matcher go")],
    tasks: Annotated[str, typer.Option(help="任务文件或自带任务集 / a task file or a set that ships")] = "sohu",
    only: Annotated[str | None, typer.Option(help="只训练这些任务，逗号分隔 / only these tasks of it")] = None,
    config: Annotated[Path | None, typer.Option(help="训练设置 YAML / settings")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="覆盖一项设置 / key=value")] = None,
    split: Annotated[str, typer.Option(help="训练集名 / split to train on")] = "train",
    validation: Annotated[str, typer.Option(help="验证集名 / split for thresholds and stopping")] = "valid",
    resume: Annotated[bool, typer.Option("--resume", help="接着被中断的运行 / go on with a killed run")] = False,
    frozen_cache: Annotated[
        Path | None, typer.Option(help="多次运行共用的冻结层状态 / states of frozen layers, kept between runs")
    ] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Train one matcher on all tasks and choose a threshold for each.

    Example: yanmo train --data data --base my-bert --out runs/sohu --set n_epochs=2
    """
    require_extra("accelerate", extra="train")
    from ..fit.config import load_train_config
    from ..fit.run import train_matcher

    task_set = TaskSet.load(tasks)
    if only is not None:
        task_set = task_set.subset(only.split(","))
    settled = load_train_config(config, overrides=settings or [])
    skip = on_bad_line is OnBadLine.SKIP
    pairs = {}
    with RejectFile(out.with_name(f"{out.name}.rejected.jsonl")) if skip else nullcontext() as rejected:
        for name in (split, validation):
            pairs[name] = read_split(
                data, task_set, name, encoding=encoding, on_bad_line=on_bad_line, reject_file=rejected
            )
    console = Console(stderr=True)
    summary = train_matcher(
        pairs[split],
        pairs[validation],
        task_set=task_set,
        base=base,
        out=out,
        config=settled,
        resume=resume,
        frozen_cache=frozen_cache,
        origin={"base": str(base), "data": str(data), "tasks": tasks, "split": split, "validation": validation},
        console=console,
    )
    if summary.judgement is not None:
        Console().print(judgement_table(summary.judgement))
    console.print(f"模型已写入 {out}（取自第 {summary.step} 步）", markup=False, highlight=False)


def main() -> None:
    """Runs the command line; a refusal is one sentence on standard error and exit code 1."""
    try:
        app()
    except YanmoError as error:
        Console(stderr=True, soft_wrap=True).print(f"错误 error: {error}", markup=False, highlight=False)
        sys.exit(1)


def _text_of(line: bytes, number: int, input_format: InputFormat) -> str:
    try:
        text = line.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} of the line is not UTF-8",
            where="<stdin>",
            line=number,
            fix="convert the input to UTF-8",
        ) from None
    if input_format is InputFormat.TEXT:
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not JSON ({error})", where="<stdin>", line=number, fix="write one JSON string a line"
        ) from None
    if not isinstance(value, str):
        raise InputError("is not a JSON string", where="<stdin>", line=number, fix="write one JSON string a line")
    return value
