"""The verb ``yanmo label``: labels a pool of pairs at the terminal, one key an answer."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from ...errors import InputError
from ...match.named_matcher import open_matcher
from .one_task import one_task

if TYPE_CHECKING:
    from ...standard.label.expected import Expected
    from ...standard.label.session import Labelling, Question

__all__ = ["label"]

_YES, _NO, _LATER, _UNDO, _END = "1yj是", "0nf否", "s", "u", "q\x03\x04"
_HELP = "1 匹配　0 不匹配　s 先放一放　u 撤销　q 结束"


def label(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    pool: Annotated[Path, typer.Argument(help="没有标注的文本对 / pairs without labels")],
    out: Annotated[Path, typer.Option("-o", "--out", help="标注写到哪个 CSV / the table that answers go to")],
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="为哪个标准标注，可以是新的 / the standard, which may be new")
    ] = None,
    at_most: Annotated[
        int, typer.Option(help="从多少对里挑，更多则随机抽取 / pairs to choose from, drawn at random of more", min=4)
    ] = 500,
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    threads: Annotated[int | None, typer.Option(help="打分用几个线程 / threads that score", min=1)] = None,
) -> None:
    """Label the pairs that tell most: picks them, learns after every ten answers, says when more stop paying.

    Every answer is on the disk before the next is asked; the same command goes on where it stopped. The page does the
    same in a browser: yanmo serve MODEL --label POOL --task T --out FILE.

    Example: yanmo label default pool.csv --task 同问题 --out labelled.csv
    """
    from ...data import Columns
    from ...standard.label.answers import Answers
    from ...standard.label.session import Labelling
    from ...standard.learn_file import read_unlabelled

    task = one_task(tasks, fix="label for one standard at a time, each into a file of its own")
    if task is None:
        raise InputError("there is no standard to label for", fix="name one with --task; it may be a new one")
    columns = Columns(first, second) if first or second else None
    pairs = read_unlabelled(pool, columns=columns, encoding=encoding)
    console = Console()
    with Answers(out) as answers:
        matcher = open_matcher(model, n_threads=threads)
        with console.status("阅读 reading"):
            labelling = Labelling.of(matcher, pairs, answers, task=task, at_most=at_most)
        if labelling.n_answers:
            _say(console, f"{out} 里已有 {labelling.n_answers} 个回答，接着标")
        _ask(labelling, console)
    _say(console, f"共 {labelling.n_answers} 个回答，{labelling.n_matches} 对匹配，在 {out}")
    if labelling.n_answers:
        learn = f"yanmo standard learn {model} {out} --name {task} --unlabelled {pool} --out 新目录"
        _say(console, f"接下来：{learn}")


def _ask(labelling: "Labelling", console: Console) -> None:
    """Asks until the pool or the person has no more."""
    tells = True
    while (question := labelling.question()) is not None:
        _show(question, labelling, console)
        key = _key()
        if key in _END:
            return
        if key in _YES or key in _NO:
            labelling.answer(question.place, int(key in _YES))
        elif key in _LATER:
            labelling.put_off(question.place)
        elif key in _UNDO:
            if labelling.take_back() is None:
                _say(console, "没有可以撤销的回答")
        else:
            _say(console, _HELP)
        if labelling.wants_to_learn:
            with console.status("学习 learning"):
                labelling.learn()
            if labelling.curve:
                _say(console, _expectation(labelling.curve[-1]))
            if labelling.is_enough and tells:
                tells = False
                _say(console, "最近两次学习几乎没有改变判断：再标多半不划算，q 结束")
    _say(console, "这一批都标完了")


def _show(question: "Question", labelling: "Labelling", console: Console) -> None:
    text = Text(f"{question.texts[0]}\n{question.texts[1]}")
    title = f"{labelling.task}　已标 {labelling.n_answers}　还可问 {labelling.n_left}"
    console.print(Panel(text, title=Text(title), subtitle=Text(_HELP), title_align="left", subtitle_align="left"))


def _expectation(now: "Expected") -> str:
    moved = "" if now.changed is None else f"，改变了 {now.changed:.1%} 的判断"
    known = f"从 {now.n_answers} 个回答学来：预计 F1 {now.f1:.2f}，预计判对 {now.accuracy:.0%}{moved}"
    return f"{known}（模型自己的预计，不是实测）"


def _key() -> str:
    """One key at a terminal; a line's first character where there is none, and the end where there are no more."""
    if sys.stdin.isatty():
        try:
            return typer.getchar().lower()
        except (KeyboardInterrupt, EOFError):
            return "q"
    line = sys.stdin.readline()
    return line.strip()[:1].lower() or ("q" if not line else "?")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
