"""The task table: which standards of match there are, where each finds its texts and labels, how long its texts are.

A task set is a YAML file; ``sohu`` ships with the package and is the example to copy.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    model_serializer,
    model_validator,
)

from ..errors import InputError
from ..tokenize import PairBudget
from ..yaml_file import StrictModel, read_yaml
from .budget import Budget
from .edits.difference_kinds import DifferenceKind, read_kinds
from .labels import label_key

__all__ = ["Budget", "Task", "TaskSet", "builtin_task_sets"]


def _as_labels(value: Any) -> Any:
    values = value if isinstance(value, list | tuple) else [value]
    keys = tuple(label_key(item) for item in values)
    if None in keys:
        raise ValueError("a label is empty")
    return keys


def _as_names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _of_a_folder(name: str) -> str:
    if name in (".", ".."):
        raise ValueError(f"'{name}' is no name for a folder of its own")
    if not name.isprintable():
        raise ValueError(f"{name!r} holds characters that cannot be printed")
    return name


def _without_unset(values: dict[str, Any]) -> dict[str, Any]:
    """What later versions ask is said only where it was: a set that says nothing of it is the set it was before."""
    return {key: value for key, value in values.items() if key not in ("header", "encoding", "details") or value}


Labels = Annotated[tuple[str, ...], BeforeValidator(_as_labels)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]
Kinds = Annotated[tuple[DifferenceKind, ...], BeforeValidator(read_kinds)]


class Task(StrictModel):
    """One standard of match on one kind of pairs.

    Raises:
        ValueError: No label is positive or none negative, one label is both, or labels and a limit are both given.

    Example:
        >>> strict = Task(name="llB", positive=[5], negative=[0, 3])
        >>> strict.label_of("5.0"), strict.label_of(3), strict.label_of("2"), strict.folders
        (1, 0, None, ('llB',))
    """

    name: Annotated[str, AfterValidator(_of_a_folder)] = Field(min_length=1, pattern=r"^[^\s/\\]+$")
    """Short name, unique in its set; also the folder it is looked for in by default."""
    title: str = ""
    """What people are shown; the name if left out."""
    asks: str = ""
    """In one sentence, what a match is."""
    group: str = ""
    """Heading under which people are shown it beside others of its field; none if left out."""
    standard: str = ""
    """Group of tasks whose counts the official metric pools; the name if left out."""
    column: str = Field(default="label", min_length=1)
    """Column (or JSON key) of its label."""
    positive: Labels = ("1",)
    """Label values that mean a match."""
    negative: Labels = ("0",)
    """Label values that mean no match. A value in neither list is a bad line."""
    positive_from: float | None = Field(default=None, allow_inf_nan=False)
    """For graded labels instead of the two lists: numbers at or above this limit mean a match, those below do not."""
    soft: bool = Field(default=False, exclude=True)
    """Labels are probabilities of a match, from 0 to 1, as a teacher gives them; to train on, not to be judged by, and
    no part of what a model keeps of its tasks."""
    folders: Names = ()
    """Folders of the data directory to look in; the first that holds the split is read; the name if left out."""
    first: str | None = None
    """Column of the first text; that of the set if left out."""
    second: str | None = None
    """Column of the second text; that of the set if left out."""
    id: str | None = None
    """Column of the row's id; that of the set if left out."""
    budget: Budget = Budget()
    """How much of each text the model sees, and in how many windows."""
    implies: str | None = None
    """A looser task of the set: whatever matches here matches there."""
    base_rate: float | None = Field(default=None, gt=0, lt=1)
    """Share of matches among the pairs that the standard is used on; evaluation says F1 at that share as well."""
    symmetric: bool = True
    """Whether a pair and the same pair swapped are one question. The shorter text then takes the budget's ``left``,
    whichever side it stands on; a task that is not symmetric reads the texts as they stand (query and title)."""
    details: Kinds = ()
    """Details that must agree, by their names, or ``all``: a pair that reads alike but for one of them is no match,
    whatever its score; see `yanmo.data.edits.find_details`."""
    licence: str = ""
    """Under which licence its training data stand, and where they are from; kept with the model."""
    header: Names = ()
    """Names of the columns, in order, where its tables have no header; those of the set if left out."""
    encoding: str | None = None
    """Text encoding of its files, such as gb18030; that of the set if left out, else UTF-8."""

    @model_serializer(mode="wrap")
    def _dump(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return _without_unset(dump(self))

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        filled = dict(values)
        name = filled.get("name")
        for key, default in (("title", name), ("standard", name), ("folders", (name,))):
            if name is not None and not filled.get(key):
                filled[key] = default
        if filled.get("positive_from") is not None:
            if filled.get("positive") or filled.get("negative"):
                raise ValueError("give either 'positive' and 'negative', or 'positive_from'")
            filled["positive"] = filled["negative"] = ()
        return filled

    @model_validator(mode="after")
    def _check(self) -> "Task":
        if self.positive_from is None and not (self.positive and self.negative):
            raise ValueError(f"task '{self.name}' needs at least one positive and one negative label")
        both = sorted(set(self.positive) & set(self.negative))
        if both:
            raise ValueError(f"task '{self.name}' calls {', '.join(both)} both positive and negative")
        if (self.first is None) != (self.second is None):
            raise ValueError(f"task '{self.name}' names only one text column; name 'first' and 'second'")
        return self

    def label_of(self, value: object) -> int | float | None:
        """Judges one label value: 1 match, 0 no match, between them where soft, None if it is not a label."""
        key = label_key(value)
        if key is None:
            return None
        if self.positive_from is None and not self.soft:
            return 1 if key in self.positive else 0 if key in self.negative else None
        try:
            number = float(key)
        except ValueError:
            return None
        if self.soft:
            return number if 0 <= number <= 1 else None
        return int(number >= self.positive_from) if self.positive_from is not None else None

    def grade_of(self, value: object) -> float | None:
        """Gives the number that a graded label is.

        Args:
            value: A label as it stands in a file.

        Returns:
            The number; None where it is none, or where the task's labels are not numbers of three kinds or more.

        Example:
            >>> Task(name="llB", positive=[5], negative=[0, 3]).grade_of("3.0"), Task(name="ssA").grade_of(1)
            (3.0, None)
        """
        if self.soft or not self.is_graded:
            return None
        try:
            return float(label_key(value) or "")
        except ValueError:
            return None

    @property
    def is_graded(self) -> bool:
        """Whether its labels are numbers of more than two kinds, so that pairs match more or less."""
        if self.positive_from is not None:
            return True
        labels = (*self.positive, *self.negative)
        return len(labels) > 2 and all(label.removeprefix("-").replace(".", "", 1).isdecimal() for label in labels)

    @property
    def pair_budget(self) -> PairBudget:
        """How a pair encoder reads a pair for this task."""
        return replace(self.budget.of_pairs, shorter_first=self.symmetric)

    @property
    def known_labels(self) -> str:
        """Its labels as error messages show them."""
        if self.soft:
            return "a probability from 0 to 1"
        if self.positive_from is not None:
            return f"any number (match from {self.positive_from:g})"
        return f"{', '.join(self.positive)} (match) or {', '.join(self.negative)} (no match)"


class TaskSet(StrictModel):
    """All tasks of one model, in the order of their condition vectors.

    Raises:
        ValueError: There is no task, or two have one name.

    Example:
        >>> sohu = TaskSet.load("sohu")
        >>> sohu.names
        ('ssA', 'ssB', 'slA', 'slB', 'llA', 'llB')
        >>> sohu.standards["B"], sohu.index("ssB")
        (('ssB', 'slB', 'llB'), 1)
    """

    name: str = Field(min_length=1)
    """What the set is called."""
    tasks: tuple[Task, ...] = Field(min_length=1)
    """The tasks; a task's place in this list is its index in the model."""
    first: str = Field(default="source", min_length=1)
    """Column (or JSON key) of the first text, for tasks that name none."""
    second: str = Field(default="target", min_length=1)
    """Column of the second text, for tasks that name none."""
    id: str | None = "id"
    """Column of the row's id, for tasks that name none; rows may lack it."""
    header: Names = ()
    """Names of the columns, in order, where tables have no header, for tasks that name none."""
    encoding: str | None = None
    """Text encoding of the files, for tasks that name none; UTF-8 if left out."""

    @model_serializer(mode="wrap")
    def _dump(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return _without_unset(dump(self))

    @model_validator(mode="after")
    def _check(self) -> "TaskSet":
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise ValueError(f"two tasks are called {', '.join(repeated)}")
        for task in self.tasks:
            if task.implies is not None and (task.implies == task.name or task.implies not in self.names):
                raise ValueError(f"task '{task.name}' implies '{task.implies}', which is no other task of the set")
        looser = {task.name: task.implies for task in self.tasks}
        for name in self.names:
            passed, last = [name], looser[name]
            while last is not None and last not in passed:
                passed.append(last)
                last = looser[last]
            if last is not None:
                raise ValueError(f"tasks imply each other in a circle: {' → '.join([*passed, last])}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(task.name for task in self.tasks)

    @property
    def standards(self) -> dict[str, tuple[str, ...]]:
        """Names of the tasks of each standard, in order."""
        return {
            standard: tuple(task.name for task in self.tasks if task.standard == standard)
            for standard in dict.fromkeys(task.standard for task in self.tasks)
        }

    def index(self, name: str) -> int:
        """Gives the place of a task in the model.

        Args:
            name: Name of the task.

        Returns:
            Its index, counted from 0.

        Raises:
            InputError: There is no such task; the message lists those there are.
        """
        if name not in self.names:
            known = ", ".join(self.names)
            raise InputError(f"unknown task '{name}'", fix=f"name one of {known}")
        return self.names.index(name)

    def task(self, name: str) -> Task:
        """Gives a task by its name; raises InputError with the known names if there is none."""
        return self.tasks[self.index(name)]

    def subset(self, names: Sequence[str]) -> "TaskSet":
        """Gives the set with only some of its tasks.

        Args:
            names: Names of the tasks to keep.

        Returns:
            The smaller set, in this set's order.

        Raises:
            InputError: A name is unknown.
        """
        kept = [self.tasks[i] for i in sorted({self.index(name) for name in names})]
        names = [task.name for task in kept]
        alone = [task if task.implies in names else task.model_copy(update={"implies": None}) for task in kept]
        return self.model_copy(update={"tasks": tuple(alone)})

    def softened(self) -> "TaskSet":
        """Gives the set as a teacher labels it: every label a probability."""
        return self.model_copy(update={"tasks": tuple(task.model_copy(update={"soft": True}) for task in self.tasks)})

    def text_columns(self, task: Task) -> tuple[str, str]:
        """Gives the columns of the first and second text of a task: its own, else the set's."""
        return task.first or self.first, task.second or self.second

    def id_column(self, task: Task) -> str | None:
        """Gives the column of a task's row ids: its own, else the set's."""
        return task.id or self.id

    def fingerprint(self) -> str:
        """Gives the sha256 (64 hex digits) of everything this set says, the same on every machine."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @classmethod
    def load(cls, source: str | Path) -> "TaskSet":
        """Reads a task set.

        Args:
            source: Path of a YAML file, or the name of a set that ships with the package, such as ``sohu``.

        Returns:
            The checked set.

        Raises:
            InputError: There is neither such a file nor such a set, or the file is wrong; with file, line and fix.
        """
        path = Path(source)
        if path.is_file():
            return read_yaml(path, cls)
        if path.name == str(source) and path.suffix in ("", ".yaml") and path.stem in builtin_task_sets():
            with resources.as_file(resources.files("yanmo.assets") / f"{path.stem}.yaml") as shipped:
                return read_yaml(shipped, cls)
        known = ", ".join(builtin_task_sets())
        raise InputError(
            "there is no such task file, and no such set ships with Yanmo",
            where=source,
            fix=f"give the path of a YAML file, or one of the names {known}",
        )


def builtin_task_sets() -> tuple[str, ...]:
    """Lists the task sets that ship with the package.

    Returns:
        Their names.

    Example:
        >>> "sohu" in builtin_task_sets()
        True
    """
    files = resources.files("yanmo.assets").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))
