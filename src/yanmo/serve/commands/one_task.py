"""The option ``--task`` of verbs that take one task: naming two is refused, where the last would win in silence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import InputError

if TYPE_CHECKING:
    from ...data import TaskSet

__all__ = ["one_task", "the_standard"]


def one_task(given: Sequence[str] | None, *, fix: str) -> str | None:
    """Takes the one task that was named.

    Args:
        given: What stood behind every ``--task``, if there was one.
        fix: What to do where several were meant, as a sentence without its full stop.

    Returns:
        The task; None where none was named.

    Raises:
        InputError: Two different ones were named.

    Example:
        >>> one_task(["ssA", "ssA"], fix="name one"), one_task(None, fix="name one")
        ('ssA', None)
    """
    names = list(dict.fromkeys(given or ()))
    if len(names) > 1:
        raise InputError(f"--task names {' and '.join(names)}, and takes one task", fix=fix)
    return names[0] if names else None


def the_standard(task_set: "TaskSet", given: Sequence[str] | None, *, fix: str) -> str:
    """Takes the standard that was named, or the only one that there is.

    Args:
        task_set: The standards that the model knows.
        given: What stood behind every ``--task``, if there was one.
        fix: What to do where several were meant, as a sentence without its full stop.

    Returns:
        Its name.

    Raises:
        InputError: Two were named, or none where there are several, or one that there is not.
    """
    named = one_task(given, fix=fix)
    if named is None and len(task_set.names) > 1:
        fix = f"add --task {'|'.join(task_set.names)}"
        raise InputError("the model knows several standards of match", fix=fix)
    return task_set.names[task_set.index(named)] if named is not None else task_set.names[0]
