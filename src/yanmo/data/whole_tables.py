"""Excel sheets and parquet files out of finished JSON lines: written whole, a portion of the rows in memory."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..atomic import replacing
from ..errors import InputError, chosen, require_extra
from .output_format import OutputFormat

__all__ = ["check_room", "require_writer", "write_whole_table"]

# Rows of a sheet below its header.
_SHEET_ROWS = (1 << 20) - 1
_PORTION = 1 << 14
# What XML cannot hold; workbooks spell it by its code.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def require_writer(output: OutputFormat | str) -> None:
    """Makes sure, before anything is scored, that the package is there that writes an output.

    Args:
        output: What will be written.

    Raises:
        MissingExtraError: It is not installed.
    """
    output = chosen(OutputFormat, output, name="output")
    if output is OutputFormat.XLSX:
        require_extra("openpyxl", extra="tables")
    elif output is OutputFormat.PARQUET:
        require_extra("pyarrow.parquet", extra="tables")


def check_room(output: OutputFormat | str, n_rows: int, *, where: Path) -> None:
    """Makes sure that an output holds so many rows; raises InputError where a sheet is full."""
    if chosen(OutputFormat, output, name="output") is OutputFormat.XLSX and n_rows > _SHEET_ROWS:
        raise InputError(f"a sheet holds {_SHEET_ROWS:,} rows", where=where, fix="write .parquet or .csv")


def write_whole_table(lines: Path, out: Path, *, columns: Sequence[str], output: OutputFormat | str) -> None:
    """Writes the rows of a file of JSON lines as a sheet or as parquet; all of it or nothing.

    A text in a sheet is a text, also where it begins as a formula does. A column of parquet has the type of its values:
    whole numbers, numbers, truth values, or texts; other values, and values of several kinds, are spelled as JSON.

    Args:
        lines: The JSON lines.
        out: The file to write.
        columns: Names of its columns, in order.
        output: What it is: a sheet or parquet.
    """
    output = chosen(OutputFormat, output, name="output")
    with replacing(out) as temporary:
        if output is OutputFormat.XLSX:
            _write_sheet(_rows(lines), temporary, columns)
        else:
            _write_parquet(lines, temporary, columns)


def _rows(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line)


def _write_sheet(rows: Iterable[Mapping[str, Any]], path: Path, columns: Sequence[str]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("yanmo")

    def cell(value: Any) -> Any:
        if isinstance(value, dict | list):
            value = json.dumps(value, ensure_ascii=False)
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
        made.data_type = "s"
        return made

    sheet.append([cell(name) for name in columns])
    for row in rows:
        sheet.append([cell(row.get(name)) for name in columns])
    book.save(path)


def _write_parquet(lines: Path, path: Path, columns: Sequence[str]) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    kinds: dict[str, set[type]] = {name: set() for name in columns}
    for row in _rows(lines):
        for name, kind in kinds.items():
            kind.add(_kind(row.get(name)))
    types = {
        name: pyarrow.int64()
        if kind <= {int}
        else pyarrow.float64()
        if kind <= {int, float}
        else pyarrow.bool_()
        if kind == {bool}
        else pyarrow.string()
        for name, kind in ((name, kind - {type(None)}) for name, kind in kinds.items())
    }
    types |= {name: pyarrow.string() for name, kind in kinds.items() if not kind - {type(None)}}
    schema = pyarrow.schema(list(types.items()))
    rows = _rows(lines)
    with ParquetWriter(path, schema) as writer:
        while portion := list(islice(rows, _PORTION)):
            values = {
                name: [_as(row.get(name), is_text=types[name] == pyarrow.string()) for row in portion] for name in types
            }
            writer.write_table(pyarrow.table(values, schema=schema))


def _kind(value: Any) -> type:
    """The kind of a value; a whole number beyond 64 bits is none that parquet has."""
    return object if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 else type(value)


def _as(value: Any, *, is_text: bool) -> Any:
    return json.dumps(value, ensure_ascii=False) if is_text and not isinstance(value, str | type(None)) else value
