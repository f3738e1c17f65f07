"""A file of labelled pairs whose labels are in people's own words; and one of pairs without labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from ..data import Columns, FileFormat, read_pairs
from ..data.labels import label_key
from ..data.tasks import Task

__all__ = ["Examples", "read_examples", "read_unlabelled"]


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled pairs as they stood in a file."""

    pairs: list[tuple[str, str]]
    """The texts."""
    labels: list[str]
    """The label of each, spelled as ``yanmo.data.labels`` does."""
    lines: list[int]
    """The line of each."""


class _AnyLabel(Task):
    """A task that takes whatever a label says, and numbers the spellings in the order of their coming."""

    _numbers: dict[str, int] = PrivateAttr(default_factory=dict)

    def label_of(self, value: object) -> int | None:
        key = label_key(value)
        return None if key is None else self._numbers.setdefault(key, len(self._numbers))

    @property
    def spellings(self) -> list[str]:
        return list(self._numbers)


def read_examples(
    path: str | Path,
    *,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """Reads labelled pairs; the column of the label is ``label`` unless named.

    Args:
        path: The file; see `yanmo.data.read_pairs` for what is read.
        columns: Columns by name, where they are not the customary ones.
        file_format: How rows stand in it; None tells by name and first line.
        encoding: Text encoding.

    Returns:
        The examples.

    Raises:
        InputError: The file cannot be read, or a line has no label or an empty text; the message names the line.
    """
    task = _AnyLabel(name="example", **_of_label(columns))
    pairs = list(read_pairs(path, task=task, columns=columns, file_format=file_format, encoding=encoding))
    spellings = task.spellings
    labels = [spellings[int(pair.label)] for pair in pairs if pair.label is not None]
    return Examples([(pair.text0, pair.text1) for pair in pairs], labels, [pair.line for pair in pairs])


def read_unlabelled(
    path: str | Path, *, columns: Columns | None = None, encoding: str = "utf-8"
) -> list[tuple[str, str]]:
    """Reads pairs without labels.

    Args:
        path: The file.
        columns: Columns by name, where they are not the customary ones.
        encoding: Text encoding.

    Returns:
        The texts.
    """
    texts = None if columns is None else Columns(columns.first, columns.second)
    return [(pair.text0, pair.text1) for pair in read_pairs(path, labelled=False, columns=texts, encoding=encoding)]


def _of_label(columns: Columns | None) -> Mapping[str, Any]:
    return {} if columns is None or columns.label is None else {"column": columns.label}
