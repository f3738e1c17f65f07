"""The verb ``yanmo tokenize``."""

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InputError

__all__ = ["tokenize"]


class InputFormat(str, Enum):
    """How texts stand in the lines of standard input."""

    TEXT = "text"
    JSON = "json"


def tokenize(
    path: Annotated[
        Path,
        typer.Argument(
            help="vocab.txt、chinese_vocab.model 或 Hugging Face 目录 / a vocabulary, a sentencepiece file or a folder"
        ),
    ],
    characters: Annotated[bool, typer.Option("--characters", help="按字切分 / split to characters")] = False,
    input_format: Annotated[
        InputFormat, typer.Option(help="每行一段文本或一个 JSON 字符串 / one a line")
    ] = InputFormat.TEXT,
    ids: Annotated[bool, typer.Option("--ids", help="输出 id（编码器的含 [CLS] 与 [SEP]）/ print ids")] = False,
) -> None:
    """Tokenize standard input, one text a line, to one JSON array a line.

    Example: echo 今天天气不错 | yanmo tokenize vocab.txt --ids
    """
    from ...tokenize import load_text_tokenizer, with_special_tokens

    tokenizer = load_text_tokenizer(path, characters=characters)
    for number, line in enumerate(sys.stdin.buffer, 1):
        text = _text_of(line, number, input_format)
        if ids:
            row: list[int] | list[str] = with_special_tokens(tokenizer, text)
        else:
            row = [text[start:end] for start, end in tokenizer.encode(text).offsets.tolist()]
        # A lone surrogate has no UTF-8, but its backslash form is what JSON writes for it.
        sys.stdout.buffer.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


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
