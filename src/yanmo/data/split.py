"""One split of all tasks in memory, and the fingerprint of what it holds."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError, chosen
from .columns import Columns, listing
from .given_splits import rows_of_tasks
from .pair import Pair
from .reading import read_pairs
from .rejects import OnBadLine, RejectFile
from .rows import FileFormat
from .tasks import TaskSet

__all__ = ["fingerprint_pairs", "read_split"]

logger = logging.getLogger(__name__)


def read_split(
    data: Any,
    task_set: TaskSet,
    split: str,
    *,
    labelled: bool = True,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    reject_file: RejectFile | None = None,
) -> dict[str, list[Pair]]:
    """Reads one split of every task that has it.

    Tasks without such a file are left out and named in a warning of the log. Where two tasks share a folder or a table,
    a row labelled for one of them only is read for that one.

    Args:
        data: The directory with the tasks' folders, see `find_split`; or one table for all tasks: a file, a data frame,
            a data set, a list of tuples or dicts, or a dict of these by split; see `rows_of_tasks`.
        task_set: The tasks.
        split: Such as ``train``, ``valid`` or ``test``.
        labelled: Whether to read labels; without, empty texts are let through, as for prediction.
        columns: Columns by name, where the files' own are neither expected nor customary.
        file_format: How rows stand in the files; None tells for each by name and first line.
        encoding: Text encoding.
        on_bad_line: Stop at a bad line, or leave it out.
        reject_file: Where lines left out go, of all files; it counts them.

    Returns:
        The pairs of each task, by its name, in the order of the set and of the file.

    Raises:
        InputError: No task has such a file, or a file cannot be read, holds no usable row, or has a bad line.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    sources = rows_of_tasks(data, task_set, split, columns=columns, file_format=file_format, encoding=encoding)
    named = None if columns is None else replace(columns, label=None)
    pairs: dict[str, list[Pair]] = {}
    for name, source in sources.items():
        others = [its.label for other, its in sources.items() if other != name and _is_same(its.data, source.data)]
        task = task_set.task(name)
        reader = read_pairs(
            source.data,
            task=task.model_copy(update={"column": source.label}),
            task_set=task_set,
            labelled=labelled,
            columns=named,
            file_format=file_format,
            encoding=encoding,
            on_bad_line=on_bad_line,
            reject_file=reject_file,
            other_labels=others,
        )
        rows = list(reader)
        if rows:
            pairs[name] = rows
        else:
            logger.warning(
                "%s: no row has a '%s', the label of '%s' (%s)", reader.path, source.label, name, listing(reader.found)
            )
    missing = [name for name in task_set.names if name not in pairs]
    where = data if isinstance(data, str | Path) else "data"
    if not pairs:
        raise InputError(f"no row of the split '{split}' has a label of any task", where=where)
    if missing:
        logger.warning("%s: no '%s' data for the tasks %s", where, split, ", ".join(missing))
    return pairs


def _is_same(first: Any, second: Any) -> bool:
    return first is second or (isinstance(first, Path) and first == second)


def fingerprint_pairs(pairs: Mapping[str, Sequence[Pair]]) -> str:
    """Gives one number for what a model was trained on: the same rows give the same, however they were stored.

    sha256 over the tasks by name, and in each over the sorted sha256 of its rows (first text, second text, label).
    The file format, ids, line numbers and the order of rows do not enter; a row that stands there twice counts twice.

    Args:
        pairs: The pairs of each task, by its name.

    Returns:
        64 hex digits.

    Example:
        >>> a, b = (Pair(text, "乙", 1, None, 1, "x.csv") for text in ("甲", "丙"))
        >>> fingerprint_pairs({"ssA": [a, b]}) == fingerprint_pairs({"ssA": [b, a]})
        True
        >>> fingerprint_pairs({"ssA": [a, b]}) == fingerprint_pairs({"ssB": [a, b]})
        False
    """
    whole = hashlib.sha256()
    for name in sorted(pairs):
        rows = sorted(_row_digest(pair) for pair in pairs[name])
        whole.update(_framed(name))
        whole.update(len(rows).to_bytes(8, "big"))
        for row in rows:
            whole.update(row)
    return whole.hexdigest()


def _row_digest(pair: Pair) -> bytes:
    label = b"-" if pair.label is None else str(pair.label).encode()
    return hashlib.sha256(_framed(pair.text0) + _framed(pair.text1) + label).digest()


def _framed(text: str) -> bytes:
    """The text after its own length, so that no two lists of texts give the same bytes."""
    content = text.encode()
    return len(content).to_bytes(8, "big") + content
