"""The verb ``yanmo doctor``."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import InputError

__all__ = ["doctor"]


class Examination(str, Enum):
    """What ``yanmo doctor`` looks at."""

    ENVIRONMENT = "environment"
    MODEL = "model"
    TOKENIZER = "tokenizer"
    REGULARIZERS = "regularizers"


def doctor(
    what: Annotated[Examination, typer.Argument(help="检查什么 / what to examine")] = Examination.ENVIRONMENT,
    folder: Annotated[
        Path | None, typer.Argument(help="编码器或匹配模型目录 / a model's folder, for 'model' and 'tokenizer'")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="改正分词文件（只用于 tokenizer）/ write the right tokenizer files")
    ] = False,
    speed: Annotated[
        bool,
        typer.Option(
            "--speed",
            help="量本机的速度与随带（或所给目录的）模型所占的份额 / measure this processor and a matcher on it",
        ),
    ] = False,
) -> None:
    """Say what is installed, what is wrong with a folder's weights or tokenizer, or what each regularizer does.

    Examples: yanmo doctor model my-bert; yanmo doctor --speed; yanmo doctor model my-export --speed
    """
    from ..doctor.environment import environment, examine_folder
    from ..doctor.regularizers import examine_regularizers
    from ..doctor.tokenizer import examine_tokenizer

    needs_folder = what in (Examination.MODEL, Examination.TOKENIZER)
    if needs_folder != (folder is not None):
        fix = "yanmo doctor, yanmo doctor regularizers, yanmo doctor model FOLDER, or yanmo doctor tokenizer FOLDER"
        raise InputError("a folder and the word 'model' or 'tokenizer' go together", fix=fix)
    if repair and what is not Examination.TOKENIZER:
        raise InputError("--repair is for tokenizers", fix="yanmo doctor tokenizer FOLDER --repair")
    if speed:
        if what not in (Examination.ENVIRONMENT, Examination.MODEL):
            raise InputError(
                "--speed measures a matcher", fix="yanmo doctor --speed, or yanmo doctor model FOLDER --speed"
            )
        from ..doctor.speed import examine_speed

        lines = examine_speed(folder)
    elif folder is None:
        lines = environment() if what is Examination.ENVIRONMENT else examine_regularizers()
    else:
        is_tokenizer = what is Examination.TOKENIZER
        lines = examine_tokenizer(folder, repair=repair) if is_tokenizer else examine_folder(folder)
    for line in lines:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
