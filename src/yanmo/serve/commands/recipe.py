"""The verbs ``yanmo recipe list`` and ``yanmo recipe show``: settings and scripts that ship, to read and to copy."""

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from ...errors import InputError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["recipe_app"]

recipe_app = typer.Typer(no_args_is_help=True, help="随包的设置与脚本 / settings and scripts that ship.")

_SUFFIXES = (".yaml", ".py", ".sh")


@recipe_app.command("list")
def list_recipes() -> None:
    """Say which recipes there are and what each is for.

    Example: yanmo recipe list
    """
    table = Table(box=SIMPLE, pad_edge=False, show_header=False)
    for name, recipe in sorted(_recipes().items()):
        table.add_row(name, _first_sentence(recipe.read_text(encoding="utf-8")))
    Console().print(table)


@recipe_app.command("show")
def show_recipe(
    name: Annotated[str, typer.Argument(help="名字，后缀可省 / its name; the suffix may be left out")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="写到这个文件 / write it to this file")] = None,
) -> None:
    """Print one recipe, or write it to a file that is not there yet.

    Example: yanmo recipe show sohu_small --out sohu_small.yaml
    """
    text = _find(name).read_text(encoding="utf-8")
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError("exists already", where=out, fix="name another file") from error


def _recipes() -> "dict[str, Traversable]":
    """The recipes by file name: those in the package, or those of the checkout that the source runs from."""
    inside = resources.files("yanmo.assets") / "recipes"
    folder = inside if inside.is_dir() else Path(__file__).parents[4] / "recipes"
    if not folder.is_dir():
        raise InputError("the recipes are not in this installation", fix="install Yanmo from its wheel or its checkout")
    return {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIXES)}


def _find(name: str) -> "Traversable":
    found = _recipes()
    wanted = [file for file in found if name in (file, file.rpartition(".")[0])]
    if len(wanted) != 1:
        raise InputError(f"there is no recipe '{name}'", fix=f"the recipes are {', '.join(sorted(found))}")
    return found[wanted[0]]


def _first_sentence(text: str) -> str:
    """What a recipe says of itself first, in its opening comment or docstring."""
    body = text.removeprefix("#!/bin/sh\n").removeprefix('"""')
    lines = [line.removeprefix("#").strip() for line in body.splitlines()]
    opening = " ".join(lines[: lines.index("")] if "" in lines else lines)
    return re.split(r"\. |[.:]$|;", opening, maxsplit=1)[0]
