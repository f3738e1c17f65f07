"""How every verb and function understands names of tasks: in a list, with commas, or ``all``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line needs this file, not pydantic
    from .tasks import TaskSet

__all__ = ["ALL_TASKS", "task_names"]

ALL_TASKS = "all"


def task_names(task_set: "TaskSet", given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Reads the tasks that a user named.

    Args:
        task_set: The tasks there are.
        given: What was given, each one name, several with commas, or ``all``; one text stands for itself, None or an
            empty list for all.

    Returns:
        Their names in the order of the set, each once.

    Raises:
        InputError: A name is unknown.

    Example:
        >>> from yanmo.data import TaskSet
        >>> task_names(TaskSet.load("sohu"), ["llB,ssA", "ssA"])
        ('ssA', 'llB')
    """
    given = [given] if isinstance(given, str) else given
    names = [name.strip() for each in given or () for name in each.split(",") if name.strip()]
    if not names or (ALL_TASKS in names and ALL_TASKS not in task_set.names):
        return task_set.names
    return task_set.subset(names).names
