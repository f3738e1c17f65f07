"""What Yanmo raises: every message names the place, the problem and the fix."""

import importlib
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TypeVar

__all__ = ["InputError", "MissingExtraError", "YanmoError", "chosen", "require_extra"]

_Member = TypeVar("_Member", bound=Enum)


class YanmoError(Exception):
    """Anything Yanmo refuses to do. The command line prints it as one sentence and exits with 1."""


class InputError(YanmoError, ValueError):
    """Something a user handed in cannot be used as it is.

    Args:
        problem: What was given and what was expected, as a sentence without its full stop.
        where: The file (or folder) it stands in, if any.
        line: The line in that file, counted from 1.
        fix: What to do about it, as a sentence without its full stop.

    Example:
        >>> print(InputError("label '2' is none of 0, 1", where="train.txt", line=7, fix="correct the row"))
        train.txt:7: label '2' is none of 0, 1. Fix: correct the row.
    """

    def __init__(
        self, problem: str, *, where: str | Path | None = None, line: int | None = None, fix: str | None = None
    ) -> None:
        place = "" if where is None else f"{where}: " if line is None else f"{where}:{line}: "
        remedy = "" if fix is None else f" Fix: {fix}."
        super().__init__(f"{place}{problem}.{remedy}")
        self.problem = problem
        self.where = where
        self.line = line
        self.fix = fix


class MissingExtraError(YanmoError, ImportError):
    """A room needs a package that the core install leaves out."""


def require_extra(module: str, *, extra: str) -> ModuleType:
    """Imports a package that belongs to an extra.

    Args:
        module: Name of the package to import, such as ``torch``.
        extra: Name of the extra that installs it.

    Returns:
        The imported package.

    Raises:
        MissingExtraError: The package is not installed; the message names the extra.

    Example:
        >>> require_extra("json", extra="torch").dumps(1)
        '1'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(
            f"This needs the package '{module}', which the core install leaves out. Fix: pip install 'yanmo[{extra}]'."
        ) from error


def chosen(kind: type[_Member], value: object, *, name: str) -> _Member:
    """Turns what a caller wrote for a closed choice into the member of its enum, at the border.

    Without it a plain string, which is no member by ``is``, would silently mean whatever the ``else`` branch does.

    Args:
        kind: The enum.
        value: A member, or a member's value such as ``"example"``.
        name: What the caller calls it.

    Returns:
        The member.

    Raises:
        InputError: The value is none of the enum's.

    Example:
        >>> Color = Enum("Color", {"RED": "red", "BLUE": "blue"})
        >>> chosen(Color, "red", name="color") is Color.RED
        True
    """
    try:
        return kind(value)
    except ValueError:
        raise InputError(
            f"{name} is {value!r}, which is no {kind.__name__}",
            fix=f"take one of {', '.join(repr(member.value) for member in kind)}",
        ) from None
