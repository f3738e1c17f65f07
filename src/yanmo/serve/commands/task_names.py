"""How every verb understands ``--task``: repeated, with commas, or ``all``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...data import TaskSet

__all__ = ["ALL_TASKS", "task_names"]

ALL_TASKS = "all"


def task_names(task_set: "TaskSet", given: Sequence[str] | None) -> tuple[str, ...]:
    """Reads the tasks that a user named.

    Args:
        task_set: The tasks there are.
        given: What was given, each one name, several with commas, or ``all``; None or empty for all.

    Returns:
        Their names in the order of the set, each once.

    Raises:
        InputError: A name is unknown.

    Example:
        >>> from yanmo.data import TaskSet
        >>> task_names(TaskSet.load("sohu"), ["llB,ssA", "ssA"])
        ('ssA', 'llB')
    """
    names = [name.strip() for each in given or () for name in each.split(",") if name.strip()]
    if not names or (ALL_TASKS in names and ALL_TASKS not in task_set.names):
        return task_set.names
    return task_set.subset(names).names
