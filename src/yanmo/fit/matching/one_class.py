"""Tasks that training pairs cannot teach: there are none, or all of them have the same label."""

from collections.abc import Collection, Mapping, Sequence

from ...data.pair import Pair
from ...data.tasks import TaskSet
from ...errors import InputError

__all__ = ["refuse_untaught_tasks"]


def refuse_untaught_tasks(
    training: Mapping[str, Sequence[Pair]], *, task_set: TaskSet, kept: Collection[str], implied_labels: bool
) -> None:
    """Makes sure that every task has training pairs of both classes.

    A probability between 0 and 1, as a teacher gives it, is of both. Labels that follow from other tasks' count where
    they are among the pairs.

    Args:
        training: What is trained on, by the task's name.
        task_set: The tasks.
        kept: Names of tasks that answer as before whatever is learned, and so need no pairs.
        implied_labels: Whether the pairs hold labels that follow from other tasks'.

    Raises:
        InputError: A task has no pairs, or pairs of one class only; the message names it with its counts.
    """
    empty = [name for name in task_set.names if not training.get(name) and name not in kept]
    if empty:
        taught = ",".join(name for name in task_set.names if training.get(name))
        raise InputError(
            f"no training pairs for {_named(empty)}: {'it' if len(empty) == 1 else 'they'} would be saved untaught",
            fix=f"give pairs for every task, or train without {'it' if len(empty) == 1 else 'them'} (--only {taught})"
            "; where a matcher is the base, frozen_shared=true keeps its tasks as they are",
        )
    for task in task_set.tasks:
        pairs = training.get(task.name, ())
        for label, kind, other in ((1, "matches", "non-matches"), (0, "non-matches", "matches")):
            if pairs and all(pair.label == label for pair in pairs):
                related = task.implies is not None or any(one.implies == task.name for one in task_set.tasks)
                implied = ", or set implied_labels=true" if related and not implied_labels else ""
                raise InputError(
                    f"task '{task.name}' has {len(pairs):,} {kind} and no {other} to train on",
                    fix=f"add pairs that are {other}{implied}, or train without the task (--only)",
                )


def _named(names: Sequence[str]) -> str:
    return f"task '{names[0]}'" if len(names) == 1 else f"the tasks {', '.join(names)}"
