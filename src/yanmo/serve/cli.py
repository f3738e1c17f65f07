"""The command ``yanmo``: one verb a function. Exit codes: 0 done, 1 failed with one sentence, 2 wrong use."""

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..errors import InputError, YanmoError

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
