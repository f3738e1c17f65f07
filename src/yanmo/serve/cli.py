"""The command ``yanmo``: registers the verbs. Exit codes: 0 done, 1 failed with one sentence, 2 misused, 130 Ctrl-C."""

import errno
import io
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from .. import __version__
from ..errors import YanmoError
from .commands.audit import audit
from .commands.collections import dedup, index, link, search
from .commands.compare import compare
from .commands.convert import convert_app
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.evaluate import evaluate
from .commands.explain import explain
from .commands.export import export
from .commands.generate import generate
from .commands.label import label
from .commands.match import match
from .commands.predict import predict
from .commands.pretrain import pretrain
from .commands.quantize import quantize
from .commands.recipe import recipe_app
from .commands.serve import serve
from .commands.standard import standard_app
from .commands.study import study
from .commands.threshold import threshold
from .commands.tokenize import tokenize
from .commands.train import train
from .commands.vectors import train_vectors
from .commands.vocab import vocab_app, wordify

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Yanmo 研墨: 中文文本匹配 / Chinese text matching.",
)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        typer.echo(f"yanmo {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool | None, typer.Option("--version", help="版本号 / the version", callback=_print_version, is_eager=True)
    ] = None,
) -> None:
    """Reads the options that stand before a verb."""


app.command()(tokenize)
# A text may begin with a dash: what is no option of the verb is one of its texts.
app.command(context_settings={"ignore_unknown_options": True})(match)
app.command(context_settings={"ignore_unknown_options": True})(explain)
app.command()(demo)
app.command()(doctor)
app.command()(train)
app.command()(train_vectors)
app.command()(evaluate)
app.command()(threshold)
app.command()(compare)
app.command()(predict)
app.command()(audit)
app.command()(link)
app.command()(dedup)
app.command()(index)
app.command()(search)
app.command()(export)
app.command()(pretrain)
app.command()(generate)
app.command()(quantize)
app.command()(label)
app.command()(serve)
app.command()(study)
app.command()(wordify)
app.add_typer(vocab_app, name="vocab")
app.add_typer(convert_app, name="convert")
app.add_typer(recipe_app, name="recipe")
app.add_typer(standard_app, name="standard")


_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def main() -> None:
    """Runs the command line; a refusal is one sentence on standard error and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        # Where only ASCII can be shown, as in some containers and job runners, the rest is spelled out.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interrupted = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        app()
    except BaseException as error:
        # Typer answers Ctrl-C once a verb has begun. It may come before; or within a library that calls Python from C,
        # and makes an error of its own of it.
        if interrupted.is_set() and not isinstance(error, SystemExit):
            sys.exit(130)
        if isinstance(error, YanmoError):
            _fail(str(error))
        if isinstance(error, OSError):
            # Of a copy that finds no room both files are known; the one that is written lacks it.
            name = error.filename2 if error.filename2 and error.errno in _NO_ROOM else error.filename
            _fail(f"{name or ''}: {error.strerror or error}".removeprefix(": "))
        raise


def _fail(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"错误 error: {message}", markup=False, highlight=False)
    sys.exit(1)
