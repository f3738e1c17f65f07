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
from ..match.named_matcher import open_matcher
from .convert_commands import convert_app
from .evaluate_commands import evaluate
from .export_commands import export
from .generate_commands import generate
from .predict_commands import predict
from .pretrain_commands import pretrain
from .quantize_commands import quantize
from .serve_commands import serve
from .study_commands import study
from .train_commands import train
from .vectors_commands import train_vectors
from .vocab_commands import vocab_app, wordify

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Yanmo 研墨: 中文文本匹配 / Chinese text matching.")


class InputFormat(str, Enum):
    """How texts stand in the lines of standard input."""

    TEXT = "text"
    JSON = "json"


class Examination(str, Enum):
    """What ``yanmo doctor`` looks at."""

    ENVIRONMENT = "environment"
    MODEL = "model"
    TOKENIZER = "tokenizer"
    REGULARIZERS = "regularizers"


@app.callback()
def _program() -> None:
    """Keeps verbs visible even where there is only one."""


@app.command()
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
    from ..tokenize import load_text_tokenizer, with_special_tokens

    tokenizer = load_text_tokenizer(path, characters=characters)
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
    texts: Annotated[
        list[str],
        typer.Argument(metavar="[MODEL] TEXT TEXT", help="模型目录（省略则用自带的）与两段文本 / a folder, two texts"),
    ],
) -> None:
    """Score one pair under every task of a matcher, the bundled one if none is named.

    Example: yanmo match 巴萨获胜 巴塞罗那赢球
    """
    if len(texts) not in (2, 3):
        raise typer.BadParameter(f"give two texts, and a model's folder before them if need be, not {len(texts)} words")
    *model, text1, text2 = texts
    matcher = open_matcher(model[0] if model else "default")
    table = Table("任务", "概率", "阈值", "判断")
    for task, scores in matcher.score_all([(text1, text2)]).items():
        decision = matcher.matching.decision(task)
        title = matcher.matching.task_set.task(task).title
        label = task if title == task else f"{task} {title}"
        verdict = "匹配" if decision.accepts(scores)[0] else "不匹配"
        table.add_row(label, f"{scores[0]:.3f}", f"{decision.threshold:.3f}", verdict)
    Console().print(table)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="逐对的判断放在哪里 / where the decisions go")] = Path("yanmo-demo"),
) -> None:
    """Judge, decide and show the bundled pairs by the bundled matcher, in under a minute and without a network.

    Example: yanmo demo
    """
    from .demo import run_demo

    run_demo(out, Console())


@app.command()
def doctor(
    what: Annotated[Examination, typer.Argument(help="检查什么 / what to examine")] = Examination.ENVIRONMENT,
    folder: Annotated[
        Path | None, typer.Argument(help="编码器或匹配模型目录 / a model's folder, for 'model' and 'tokenizer'")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="改正分词文件（只用于 tokenizer）/ write the right tokenizer files")
    ] = False,
) -> None:
    """Say what is installed, what is wrong with a folder's weights or tokenizer, or what each regularizer does.

    Example: yanmo doctor model my-bert
    """
    from .doctor import environment, examine_folder
    from .regularizer_doctor import examine_regularizers
    from .tokenizer_doctor import examine_tokenizer

    needs_folder = what in (Examination.MODEL, Examination.TOKENIZER)
    if needs_folder != (folder is not None):
        fix = "yanmo doctor, yanmo doctor regularizers, yanmo doctor model FOLDER, or yanmo doctor tokenizer FOLDER"
        raise InputError("a folder and the word 'model' or 'tokenizer' go together", fix=fix)
    if repair and what is not Examination.TOKENIZER:
        raise InputError("--repair is for tokenizers", fix="yanmo doctor tokenizer FOLDER --repair")
    if folder is None:
        lines = environment() if what is Examination.ENVIRONMENT else examine_regularizers()
    else:
        is_tokenizer = what is Examination.TOKENIZER
        lines = examine_tokenizer(folder, repair=repair) if is_tokenizer else examine_folder(folder)
    for line in lines:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)


app.command()(train)
app.command()(train_vectors)
app.command()(evaluate)
app.command()(predict)
app.command()(export)
app.command()(pretrain)
app.command()(generate)
app.command()(quantize)
app.command()(serve)
app.command()(study)
app.command()(wordify)
app.add_typer(vocab_app, name="vocab")
app.add_typer(convert_app, name="convert")


def main() -> None:
    """Runs the command line; a refusal is one sentence on standard error and exit code 1."""
    try:
        app()
    except YanmoError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))


def _fail(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"错误 error: {message}", markup=False, highlight=False)
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
