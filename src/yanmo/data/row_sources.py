"""Where rows come from: a file of any format, a data frame, a data set of ``datasets``, a list of tuples or dicts.

The one adapter between what people hand in and `read_pairs`. Data frames are read through narwhals, so pandas, polars
and pyarrow are the user's own and none of them is needed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..errors import InputError, chosen
from .encodings import settle_encoding
from .lines import Flaw, read_lines
from .rows import FileFormat, Row, choose_format, count_lines, peek, read_rows
from .table_files import count_table_rows, read_table, row_text, table_format

__all__ = ["FileRows", "GivenRows", "RowShape", "RowSource", "row_source"]

_FIX = "give a data frame, a path, or a list of tuples (text, text, label) or dicts"


class RowShape(Enum):
    """How the values of a source's rows are named."""

    NAMED = "named"
    """Each row has its own names."""
    TABLE = "table"
    """Cells in order; the first row may be a header."""
    SHEET = "sheet"
    """The same, of a spreadsheet: where people write digits as a text, a cell is a number."""
    POSITIONS = "positions"
    """First text, second text and perhaps the label, in this order."""


@runtime_checkable
class RowSource(Protocol):
    """Something that rows can be read from, from the beginning each time."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def open(self) -> tuple[RowShape, Iterator[Row]]:
        """Gives its rows from the first on, and how their values are named."""
        ...

    def count(self) -> int | None:
        """How many rows there are, a header and bad ones included; None where nobody knows."""
        ...


class FileRows:
    """The rows of a file.

    Args:
        path: JSON lines, CSV or TSV, plain or packed; xlsx, parquet or Arrow; the folder of a saved data set.
        file_format: How rows stand in it; None tells by name and content.
        encoding: Text encoding, where it is text; ``auto`` for UTF-8 or what it looks like.
    """

    def __init__(self, path: Path, *, file_format: FileFormat | str | None = None, encoding: str = "utf-8") -> None:
        self.path = path
        self._named = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
        self._encoding = encoding

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def open(self) -> tuple[RowShape, Iterator[Row]]:
        """Gives its rows; raises InputError where it is empty or cannot be read."""
        table = table_format(self.path, self._named)
        if table is not None:
            shape = RowShape.SHEET if table is FileFormat.XLSX else RowShape.NAMED
            return shape, read_table(self.path, table)
        first, lines = peek(read_lines(self.path, encoding=settle_encoding(self.path, self._encoding)))
        if not first:
            raise InputError("is empty", where=self.path, fix="give a file with a row for each pair")
        file_format = self._named or choose_format(self.path, first)
        shape = RowShape.NAMED if file_format is FileFormat.JSONL else RowShape.TABLE
        return shape, read_rows(lines, file_format, where=self.path)

    def count(self) -> int | None:
        """Counts the rows; None for a pipe, which can be read once only."""
        if self.path.exists() and not self.path.is_file() and not self.path.is_dir():
            return None
        table = table_format(self.path, self._named)
        if table is not None:
            return count_table_rows(self.path, table)
        first, lines = peek(read_lines(self.path, encoding=settle_encoding(self.path, self._encoding)))
        if not first:
            return 0
        if (self._named or choose_format(self.path, first)) is FileFormat.CSV:
            return sum(1 for _ in read_rows(lines, FileFormat.CSV, where=self.path))
        return count_lines(lines)


class GivenRows:
    """Rows that a program hands in: of a data frame or a data set, or tuples and dicts.

    Args:
        rows: The values of each row, from the beginning each time it is iterated over.
        n_rows: How many; None where nobody knows.
        name: What messages call them.
    """

    def __init__(self, rows: Iterable[Any], *, n_rows: int | None, name: str) -> None:
        self.name = name
        """What messages call them."""
        self._rows = rows
        self._n_rows = n_rows

    def open(self) -> tuple[RowShape, Iterator[Row]]:
        """Gives its rows; the first says whether they are named."""
        rows = iter(self._rows)
        first = next(rows, None)
        if first is None:
            raise InputError("holds no row", where=self.name, fix="give a row for each pair")
        shape = RowShape.NAMED if isinstance(first, Mapping) else RowShape.POSITIONS

        def numbered() -> Iterator[Row]:
            yield _row(1, first, shape)
            for number, row in enumerate(rows, start=2):
                yield _row(number, row, shape)

        return shape, numbered()

    def count(self) -> int | None:
        """How many rows there are, where that is known."""
        return self._n_rows


def row_source(data: Any, *, file_format: FileFormat | str | None = None, encoding: str = "utf-8") -> RowSource:
    """Makes a source of rows of whatever people have.

    Args:
        data: A data frame (pandas, polars, pyarrow and what else narwhals knows), a data set of ``datasets``, a path,
            or a list of dicts, of tuples ``(text, text)`` or ``(text, text, label)``.
        file_format: How rows stand in a file; None tells by name and content.
        encoding: Text encoding of a file; ``auto`` for UTF-8 or what it looks like.

    Returns:
        The source.

    Raises:
        InputError: It is none of these.

    Example:
        >>> shape, rows = row_source([("下雨", "雨天", 1)]).open()
        >>> shape, [row.values for row in rows]
        (<RowShape.POSITIONS: 'positions'>, [('下雨', '雨天', 1)])
    """
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    if isinstance(data, str | Path):
        return FileRows(Path(data), file_format=file_format, encoding=encoding)
    if isinstance(data, FileRows | GivenRows):  # by class: a frame may have columns called name, open and count
        return data
    if data is None or isinstance(data, Mapping | bytes | int | float):
        raise InputError(f"the data are a {type(data).__name__}, not rows", fix=_FIX)
    if isinstance(data, Sequence):
        return GivenRows(data, n_rows=len(data), name="data")
    frame = _frame(data)
    if frame is not None:
        return GivenRows(_FrameRows(frame), n_rows=len(frame), name="data frame")
    if hasattr(data, "column_names") and hasattr(data, "features"):  # of datasets, streamed or not
        return GivenRows(data, n_rows=getattr(data, "num_rows", None), name="data set")
    if isinstance(data, Iterable):
        # Read more than once, as for several tasks.
        rows = list(data)
        return GivenRows(rows, n_rows=len(rows), name="data")
    raise InputError(f"the data are a {type(data).__name__}, not rows", fix=_FIX)


class _FrameRows:
    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows: Iterator[dict[str, Any]] = self._frame.iter_rows(named=True)
        return rows


def _frame(data: Any) -> Any:
    """The data as a frame of narwhals; None where it is no frame."""
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return frame if isinstance(frame, nw.DataFrame) else None


def _row(number: int, given: Any, shape: RowShape) -> Row:
    if isinstance(given, Mapping) and shape is RowShape.NAMED:
        values: Any = {str(key): _value(value) for key, value in given.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes) and shape is RowShape.POSITIONS:
        values = tuple(_value(value) for value in given)
        if len(values) not in (2, 3):
            flaw = Flaw(f"has {len(values)} elements, not two texts and perhaps a label", _FIX)
            return Row(number, row_text(values), None, flaw)
    else:
        wanted = "a dict" if shape is RowShape.NAMED else "a tuple"
        flaw = Flaw(f"is a {type(given).__name__} where the first row is {wanted}", _FIX)
        return Row(number, row_text(given), None, flaw)
    return Row(number, row_text(values), values, None)


def _value(value: Any) -> Any:
    """What a frame holds, in Python's own kinds; what is missing is None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a scalar of numpy
        return _value(value.item())
    return None if type(value).__name__ in ("NAType", "NaTType") else value
