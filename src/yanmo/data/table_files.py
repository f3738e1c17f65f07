"""Rows out of files that are no text: Excel sheets, parquet, Arrow, and folders that ``datasets`` saved.

Each is read a portion at a time. The packages that read them belong to the extra ``tables``; saved data sets need
pyarrow only, not ``datasets`` itself.
"""

import json
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from ..errors import InputError, chosen, require_extra
from .rows import FileFormat, Row

__all__ = ["count_table_rows", "is_saved_dataset", "read_table", "row_text", "saved_splits", "table_format"]

logger = logging.getLogger(__name__)

_SUFFIXES = {
    ".xlsx": FileFormat.XLSX,
    ".xlsm": FileFormat.XLSX,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".arrow": FileFormat.ARROW,
    ".feather": FileFormat.ARROW,
}
_MAGIC = {b"PK\x03\x04": FileFormat.XLSX, b"PAR1": FileFormat.PARQUET, b"ARRO": FileFormat.ARROW}
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_STATE, _SPLITS = "state.json", "dataset_dict.json"
# Rows taken out of a parquet or Arrow file at a time.
_ROWS = 1024


def table_format(path: Path, named: FileFormat | str | None = None) -> FileFormat | None:
    """Tells whether a path holds a table that is no text: by what was named, its first bytes, or its suffix.

    Args:
        path: The file or folder.
        named: The format that the user named, if any.

    Returns:
        The format; None for lines of text.

    Raises:
        InputError: It is a workbook of an Excel before 2007, or a folder with several splits or with none.
    """
    if named is not None:
        named = chosen(FileFormat, named, name="named")
        return None if named.is_text else named
    if path.is_dir():
        if (path / _STATE).is_file():
            return FileFormat.DATASET
        if (path / _SPLITS).is_file():
            names = ", ".join(saved_splits(path))
            raise InputError(f"is a data set of the splits {names}", where=path, fix="name the folder of one split")
        raise InputError("is a folder, not a file of pairs", where=path, fix="name a file in it")
    if path.is_file():  # what a pipe gives can be read once only
        with path.open("rb") as file:
            magic = file.read(4)
        if magic == _OLD_EXCEL:
            raise InputError("is a workbook of an old Excel (.xls)", where=path, fix="save it as .xlsx")
        if magic in _MAGIC:
            return _MAGIC[magic]
    return _SUFFIXES.get(path.suffix.lower())


def is_saved_dataset(path: Path) -> bool:
    """Tells whether a path is a folder that ``datasets`` wrote with ``save_to_disk``, of one split or of several."""
    return (path / _STATE).is_file() or (path / _SPLITS).is_file()


def saved_splits(folder: Path) -> list[str]:
    """Gives the splits of a folder that ``datasets.DatasetDict.save_to_disk`` wrote; none of any other folder."""
    file = folder / _SPLITS
    if not file.is_file():
        return []
    try:
        return [str(name) for name in json.loads(file.read_text("utf-8"))["splits"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("is damaged", where=file, fix="save the data set again") from error


def read_table(path: Path, file_format: FileFormat | str) -> Iterator[Row]:
    """Reads the rows of a table that is no text.

    Args:
        path: The file, or the folder of a saved data set.
        file_format: What it is.

    Yields:
        The rows: of a sheet its cells in order, numbered as Excel does; else values by name, numbered from 1. Missing
        values are None.

    Raises:
        InputError: It cannot be read.
        MissingExtraError: The package that reads it is not installed.
    """
    file_format = chosen(FileFormat, file_format, name="file_format")
    try:
        yield from _sheet_rows(path) if file_format is FileFormat.XLSX else _arrow_rows(path, file_format)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(problem, where=path, fix="check the path, or copy the file again") from error


def count_table_rows(path: Path, file_format: FileFormat | str) -> int:
    """Counts the rows of a table that is no text, a sheet's header too, without looking into them.

    Args:
        path: The file, or the folder of a saved data set.
        file_format: What it is.

    Returns:
        The number of rows; of a sheet what its workbook says, or 0 where it says nothing.

    Raises:
        InputError: It cannot be read.
    """
    file_format = chosen(FileFormat, file_format, name="file_format")
    with ExitStack() as stack:
        try:
            if file_format is FileFormat.XLSX:
                return int(_sheet(path, stack).max_row or 0)
            if file_format is FileFormat.PARQUET:
                return int(_arrow().parquet.read_metadata(str(path)).num_rows)
            return sum(batch.num_rows for file in _arrow_files(path, file_format) for batch in _batches(file, stack))
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror or error})", where=path, fix="check the path") from error
        except ValueError as error:  # pyarrow's own are such
            raise error if isinstance(error, InputError) else _damaged(path, error) from error


def row_text(values: Any) -> str:
    """Writes a row that never was text as JSON, for reject files."""
    return json.dumps(values, ensure_ascii=False, default=str)


def _sheet_rows(path: Path) -> Iterator[Row]:
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what in a workbook is no cell's value
        sheet = _sheet(path, stack)
        width = 0
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            values = [_cell(cell) for cell in cells]
            while values and values[-1] is None and len(values) > width:
                values.pop()
            if all(value is None for value in values):
                continue
            # The first row says how wide the table is; a cell beside it is a flaw of its row.
            width = width or len(values)
            values += [None] * (width - len(values))
            yield Row(number, row_text(values), values, None)


def _sheet(path: Path, stack: ExitStack) -> Any:
    openpyxl = require_extra("openpyxl", extra="tables")
    fix = "open it in a spreadsheet program and save it as .xlsx again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(stack.enter_context(path.open("rb")), read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError, openpyxl.utils.exceptions.InvalidFileException) as error:
        raise InputError(f"is no Excel workbook ({error})", where=path, fix=fix) from error
    stack.callback(book.close)
    if not book.worksheets:
        raise InputError("has no sheet with cells", where=path, fix=fix)
    if len(book.worksheets) > 1:
        names = "、".join(sheet.title for sheet in book.worksheets[1:])
        logger.warning("%s: only the first sheet, '%s', is read, not %s", path, book.worksheets[0].title, names)
    return book.worksheets[0]


def _cell(value: Any) -> Any:
    """The value of a cell: empty text is no value, a whole number is one, and a moment is its ISO spelling."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    if value is None or isinstance(value, bool | int):
        return value
    return value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else str(value)


def _arrow_rows(path: Path, file_format: FileFormat) -> Iterator[Row]:
    number = 0
    with ExitStack() as stack:
        try:
            for file in _arrow_files(path, file_format):
                for batch in _batches(file, stack, is_parquet=file_format is FileFormat.PARQUET):
                    for start in range(0, batch.num_rows, _ROWS):
                        for values in batch.slice(start, _ROWS).to_pylist():
                            number += 1
                            given = {key: _value(value) for key, value in values.items()}
                            yield Row(number, row_text(given), given, None)
        except ValueError as error:  # pyarrow's own are such
            raise error if isinstance(error, InputError) else _damaged(path, error) from error


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _batches(file: Path, stack: ExitStack, *, is_parquet: bool = False) -> Iterator[Any]:
    pyarrow = _arrow()
    if is_parquet:
        yield from stack.enter_context(pyarrow.parquet.ParquetFile(file)).iter_batches(_ROWS)
        return
    source = stack.enter_context(pyarrow.memory_map(str(file)))
    if source.read(6) == b"ARROW1":
        source.seek(0)
        reader = stack.enter_context(pyarrow.ipc.open_file(source))
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
        return
    source.seek(0)
    yield from stack.enter_context(pyarrow.ipc.open_stream(source))


def _arrow_files(path: Path, file_format: FileFormat) -> list[Path]:
    if file_format is not FileFormat.DATASET:
        return [path]
    try:
        state = json.loads((path / _STATE).read_text("utf-8"))
        names = [entry["filename"] for entry in state["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("is damaged", where=path / _STATE, fix="save the data set again") from error
    if any(Path(name).name != name for name in names):
        raise InputError("names a file outside of its folder", where=path / _STATE, fix="save the data set again")
    return [path / name for name in names]


def _arrow() -> Any:
    pyarrow = require_extra("pyarrow", extra="tables")
    require_extra("pyarrow.parquet", extra="tables")
    require_extra("pyarrow.ipc", extra="tables")
    return pyarrow


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"cannot be read ({str(error).splitlines()[0]})", where=path, fix="write the file again")
