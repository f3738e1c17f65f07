"""What is to be learned, as tasks: one standard of two kinds, or one from each grade on, each implying the looser."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ..data.budget import Budget
from ..data.edits.difference_kinds import DifferenceKind, read_kinds
from ..data.tasks import Task
from ..errors import InputError
from ..match.matcher import Matcher
from ..yaml_file import refusal_of
from .learn_labels import graded_kinds, two_kinds

__all__ = ["Wanted", "tasks_of", "wanted_standards"]


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One standard to be learned: its name, which examples match, and how its labels are read again."""

    name: str
    is_match: NDArray[np.bool_]
    """Of each example, bool[n]."""
    labels: dict[str, Any]
    """Fields of ``Task`` that say how labels of such files are read."""


def wanted_standards(labels: Sequence[Any], *, name: str, match: Sequence[str] | None, graded: bool) -> list[Wanted]:
    """Reads labels as the standards that they make.

    Args:
        labels: Of each example.
        name: Name of the standard, or stem of the names.
        match: Labels that mean a match, where it is not plain.
        graded: Whether labels are grades.

    Returns:
        The standards, the loosest first.

    Raises:
        InputError: It is open what a label means, or there are too few of a kind.
    """
    if graded:
        if match is not None:
            raise InputError(
                "labels are grades, or some of them mean a match, not both", fix="leave one of the two out"
            )
        levels = graded_kinds(labels)
        return [Wanted(f"{name}_{grade:g}", is_match, {"positive_from": grade}) for grade, is_match in levels.items()]
    kinds = two_kinds(labels, match=match)
    words = {"positive": kinds.match_words, "negative": kinds.other_words}
    return [Wanted(name, kinds.is_match, words)]


def tasks_of(
    kinds: Sequence[Wanted],
    matcher: Matcher,
    pairs: Sequence[tuple[str, str]],
    *,
    title: str,
    asks: str,
    symmetric: bool,
    details: Sequence[str | DifferenceKind] | str = (),
) -> list[Task]:
    """Makes the entries of the task table.

    Args:
        kinds: The standards, the loosest first.
        matcher: What they will be added to.
        pairs: The examples, by whose lengths the budget is chosen.
        title: What people are shown.
        asks: What a match is.
        symmetric: Whether sides do not matter.
        details: Details that must agree under each of them.

    Returns:
        A task for each, a stricter one implying the one before.

    Raises:
        InputError: A name is taken, or is none, or there is no such detail.
    """
    agreeing = read_kinds(details)
    taken = [kind.name for kind in kinds if kind.name in matcher.matching.task_set.names]
    if taken:
        raise InputError(
            f"the matcher has a standard '{taken[0]}' already", fix="name it otherwise, or yanmo standard remove it"
        )
    budget = _budget(matcher, pairs)
    made: list[Task] = []
    for kind in kinds:
        implies = made[-1].name if made else None
        shown = title and (f"{title}·{kind.labels['positive_from']:g}" if "positive_from" in kind.labels else title)
        given = {"name": kind.name, "title": shown, "asks": asks, "budget": budget, "symmetric": symmetric}
        given["details"] = agreeing
        try:
            made.append(Task.model_validate({**given, **kind.labels, "implies": implies}))
        except ValidationError as error:
            problem = f"'{kind.name}' cannot be a standard ({refusal_of(error)})"
            raise InputError(problem, fix="give a name without spaces and slashes") from error
    return made


def _budget(matcher: Matcher, pairs: Sequence[tuple[str, str]]) -> Budget:
    """The smallest budget of the matcher's standards in which nine of ten examples stand whole, else the largest."""
    budgets = sorted(
        {task.budget.model_copy(update={"windows": None}) for task in matcher.matching.task_set.tasks},
        key=lambda budget: (budget.left + budget.right, budget.left),
    )
    for budget in budgets[:-1]:
        read = matcher.pair_encoder.encode_windows(list(pairs), budgets=[budget.of_pairs] * len(pairs))
        if np.mean([sum(windows.windows[0].n_cut) > 0 for windows in read]) <= 0.1:
            return budget
    return budgets[-1]
