"""The columns of a file before it is read: those of its header, or of all its rows where each names its own."""

from typing import Any

from ..errors import InputError
from .columns import Columns
from .reading import read_pairs
from .row_sources import FileRows, RowShape, row_source
from .rows import FileFormat
from .table_files import table_format
from .tasks import Task, TaskSet

__all__ = ["column_names"]


def column_names(
    data: Any,
    *,
    task: Task | None = None,
    task_set: TaskSet | None = None,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
) -> tuple[str, ...]:
    """Gives the columns of a file or of what a program hands in.

    JSON lines and dicts are read to their end, for the last row may have a column that no other has.

    Args:
        data: As `read_pairs` takes it; no pipe, which can be read once only.
        task: The task whose columns tell a header from a first row.
        task_set: The set it is of.
        columns: Columns by name, which tell it as well.
        file_format: How rows stand in a file; None tells by name and content.
        encoding: Text encoding of a file.

    Returns:
        The columns, in the order of their first appearance; 1, 2, 3 of a table without a header.

    Raises:
        InputError: The file cannot be read, or has none of the columns wanted.

    Example:
        >>> column_names([{"a": 1}, {"b": 2, "a": 3}])
        ('a', 'b')
    """
    source = row_source(data, file_format=file_format, encoding=encoding)
    shape, rows = source.open()
    if shape is not RowShape.NAMED:
        reader = read_pairs(source, task=task, task_set=task_set, labelled=False, columns=columns)
        try:
            next(reader, None)
        except InputError:  # of the first row, which says nothing against the header
            if not reader.found:
                raise
        return reader.found
    is_uniform = isinstance(source, FileRows) and table_format(source.path, file_format) is not None
    found: dict[str, None] = {}
    for row in rows:
        if isinstance(row.values, dict):
            found |= dict.fromkeys(row.values)
            if is_uniform:
                break
    return tuple(found)
