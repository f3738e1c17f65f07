"""The verb ``yanmo study``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import InputError, require_extra
from ...study.registry import StudyName, run_study

__all__ = ["study"]

# Columns of a file or a pipe, where a row is one line however long.
_WIDE = 400


def study(
    name: Annotated[StudyName, typer.Argument(help="哪一个研究 / which study")],
    quick: Annotated[bool, typer.Option("--quick", help="一分钟内的小规模运行 / a small run, under a minute")] = False,
    out: Annotated[Path, typer.Option(help="JSON 与图放在哪里 / where the JSON and the figures go")] = Path(
        "yanmo-study"
    ),
    data: Annotated[
        Path | None, typer.Option(help="真实数据目录，默认用自带样例 / real data; the bundled samples if not given")
    ] = None,
) -> None:
    """Run one study of training dynamics: print its tables, write its figures and every number.

    Example: yanmo study taylor --quick --out study
    """
    for module in ("torch", "matplotlib", "sklearn", "scipy"):
        require_extra(module, extra="study")
    if data is not None and not data.is_dir():
        raise InputError("there is no such folder", where=data, fix="name the folder of the data, or leave --data out")
    tables, written = run_study(name, quick=quick, data=data, out=out, console=Console(stderr=True))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    for table in tables:
        console.print(table)
    console.print(f"已写入 {'、'.join(map(str, written))}", markup=False, highlight=False, soft_wrap=True)
