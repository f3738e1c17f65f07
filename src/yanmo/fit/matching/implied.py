"""Training labels that follow from another task's: a strict match is a loose one, no loose match is no strict one."""

from collections.abc import Mapping, Sequence

from ...data.pair import Pair
from ...data.tasks import TaskSet

__all__ = ["with_implied_labels"]


def with_implied_labels(training: Mapping[str, Sequence[Pair]], task_set: TaskSet) -> dict[str, list[Pair]]:
    """Adds to each task the pairs whose label follows from another task's.

    Where the task set says that ``strict`` implies ``loose``, every match under ``strict`` is a match under ``loose``,
    and every pair that fails under ``loose`` fails under ``strict``. A pair that a task labels itself keeps that label.

    Args:
        training: Labelled pairs of each task, by its name.
        task_set: Says which task implies which.

    Returns:
        The pairs of each task, its own first.
    """
    made = {name: list(pairs) for name, pairs in training.items()}
    for strict in task_set.tasks:
        loose = strict.implies
        if loose is None or strict.name not in training or loose not in training:
            continue
        for source, target, label in ((strict.name, loose, 1), (loose, strict.name, 0)):
            known = {(pair.text0, pair.text1) for pair in training[target]}
            follows = [pair for pair in training[source] if pair.label == label]
            made[target] += [pair for pair in follows if (pair.text0, pair.text1) not in known]
    return made
