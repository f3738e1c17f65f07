"""Where a split's pairs are: a folder of the tasks' folders, or one table for all tasks, from a file, frame or hub."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingExtraError, chosen, require_extra
from .all_columns import column_names
from .columns import Columns, listing, spelled
from .rows import FileFormat
from .split_files import find_split, stems
from .table_files import is_saved_dataset, saved_splits
from .tasks import TaskSet

__all__ = ["TaskRows", "is_one_table", "rows_of_tasks", "split_of"]

_HUB_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?")


@dataclass(frozen=True, slots=True)
class TaskRows:
    """Where the rows of one task are."""

    data: Any
    """The file, frame or list; the very same one where tasks share it."""
    label: str
    """Column of its label."""


def is_one_table(data: Any) -> bool:
    """Tells whether data are rows themselves, with no splits to choose from: a file, a data frame, a list."""
    if isinstance(data, str | Path):
        path = Path(data)
        return path.is_file() or bool(is_saved_dataset(path) and not saved_splits(path))
    return not isinstance(data, Mapping)


def split_of(data: Any, split: str) -> Any:
    """Gives one split of what has several, and of all else the thing itself.

    Args:
        data: A dict of data by split, as a ``datasets.DatasetDict`` is one; the folder of a saved one; the name of a
            data set on the hub, ``owner/name`` or ``owner/name:config``; or anything else.
        split: Such as ``train``, ``valid`` or ``test``; ``valid`` also finds ``dev`` and ``validation``.

    Returns:
        The split's own data.

    Raises:
        InputError: There is no such split, the hub cannot be reached, or ``datasets``, which reaches it, is missing.
    """
    if isinstance(data, Mapping):
        return data[_chosen_split(list(map(str, data)), split, where="data")]
    if not isinstance(data, str | Path):
        return list(data) if isinstance(data, Iterator) else data  # it is read for every task
    path = Path(data)
    if path.is_dir() and saved_splits(path):
        return path / _chosen_split(saved_splits(path), split, where=path)
    hub = _HUB_NAME.fullmatch(str(data))
    if path.exists() or hub is None or path.suffix.lower() in _FILES:
        return path
    return _from_hub(hub["name"], hub["config"], split)


# A name that ends like a file is a file that is missing, not a data set of the hub.
_FILES = (".txt", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx", ".parquet", ".arrow", ".gz", ".zst", ".xz")


def _chosen_split(names: list[str], split: str, *, where: str | Path) -> str:
    found = next((name for name in stems(split) if name in names), None)
    if found is None:
        raise InputError(f"has no split '{split}', only {', '.join(names)}", where=where, fix="name one of these")
    return found


def _from_hub(name: str, config: str | None, split: str) -> Any:
    try:
        datasets = require_extra("datasets", extra="datasets")
    except MissingExtraError as error:  # a path with a slip in it looks the same
        fix = "check the path; a data set of the hub takes pip install 'yanmo[datasets]'"
        raise InputError("there is no such file or folder", where=name, fix=fix) from error
    fix = "check the name, the split and the network, or name a file or folder that is there"
    try:
        names = list(map(str, datasets.get_dataset_split_names(name, config)))
        return datasets.load_dataset(name, config, split=_chosen_split(names, split, where=name))
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # what the hub's client raises is an OSError
        reason = str(error).strip().split("\n")[0][:200]
        raise InputError(
            f"is no file here, and no data set that can be fetched ({reason})", where=name, fix=fix
        ) from error


def rows_of_tasks(
    data: Any,
    task_set: TaskSet,
    split: str,
    *,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
) -> dict[str, TaskRows]:
    """Says where each task's labelled rows of a split are.

    Of one table those tasks are taken whose label it has: the column that the task names, else one of the task's own
    name.

    Args:
        data: A directory with the tasks' folders, or what `split_of` and `row_source` take.
        task_set: The tasks.
        split: The split.
        columns: Columns by name, where the files' own are neither expected nor customary.
        file_format: How rows stand in a file; None tells by name and content.
        encoding: Text encoding of a file.

    Returns:
        Where the rows are, by task, in the order of the set.

    Raises:
        InputError: No task has rows.
    """
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    here = split_of(data, split)
    if isinstance(here, Path) and not here.exists():
        raise InputError("there is no such file or folder", where=here, fix="check the path")
    if isinstance(here, Path) and not here.is_file() and not here.is_dir():
        raise InputError(
            "is a pipe, and labels of several tasks are read one after the other", where=here, fix="give a file"
        )
    if isinstance(here, Path) and not is_one_table(here):
        return {
            name: TaskRows(path, task_set.task(name).column) for name, path in find_split(here, task_set, split).items()
        }
    tasks = task_set.tasks
    if columns is not None and columns.label is not None:
        return {task.name: TaskRows(here, columns.label) for task in tasks}
    names = column_names(
        here, task=tasks[0], task_set=task_set, columns=columns, file_format=file_format, encoding=encoding
    )
    found = {}
    for task in tasks:
        label = spelled(task.column, names) or (task.column if task.column.split(".")[0] in names else None)
        if label is None and task.column == "label":
            label = spelled("score", names)
        if label or spelled(task.name, names):
            found[task.name] = TaskRows(here, label or str(spelled(task.name, names)))
    if not found and len(tasks) == 1:  # of tuples, or of a table without a header
        return {tasks[0].name: TaskRows(here, tasks[0].column)}
    if not found:
        wanted = ", ".join(dict.fromkeys(name for task in tasks for name in (task.column, task.name)))
        raise InputError(
            f"no column holds the label of any task; looked for {wanted} ({listing(names)})",
            where=here if isinstance(here, Path) else "data",
            fix="name the column in the task file ('column'), or call it as the task",
        )
    return found
