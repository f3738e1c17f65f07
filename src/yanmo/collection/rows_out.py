"""Rows of text to a file: CSV, TSV, JSON lines, a sheet or parquet by the name's suffix, whole or not at all."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..atomic import clear_killed, replacing
from ..data.output_format import OutputFormat
from ..data.spreadsheet import spreadsheet_safe
from ..data.whole_tables import check_room, require_writer, write_whole_table
from ..errors import InputError

__all__ = ["check_output", "write_rows"]

_SEPARATORS = {OutputFormat.CSV: ",", OutputFormat.TSV: "\t"}


def check_output(path: Path) -> None:
    """Refuses a name that nothing can be written under, before any work is done.

    Args:
        path: Where rows are to go.

    Raises:
        InputError: It exists, or its suffix names no format.
        MissingExtraError: The package that writes it is not installed.
    """
    require_writer(OutputFormat.of(path))
    if path.exists():
        clear_killed(path)
        raise InputError("exists", where=path, fix="name another file or delete it")


def write_rows(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, done: Path | None = None
) -> None:
    """Writes rows; in CSV and TSV a cell that a spreadsheet would compute stands after an apostrophe.

    Args:
        path: The file.
        columns: Names of the columns, in order.
        rows: Values by column.
        done: A folder that is of no use once the file stands, and is deleted; whatever ends the process, the file is
            not left without rows or beside the folder.

    Raises:
        InputError: There are more rows than a sheet holds.
    """
    output = OutputFormat.of(path)
    with replacing(path) as temporary:
        if output.is_whole:
            lines = temporary.with_name("rows.jsonl")
            check_room(output, _write_lines(lines, columns, rows), where=path)
            write_whole_table(lines, temporary, columns=columns, output=output)
        elif output is OutputFormat.JSONL:
            _write_lines(temporary, columns, rows)
        else:
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                table = csv.writer(file, delimiter=_SEPARATORS[output], lineterminator="\n")
                table.writerow(columns)
                table.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)
        if done is not None:
            # It goes with the temporary folder, which the next call deletes should this one be killed.
            done.replace(temporary.parent / done.name)


def _write_lines(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        for row in rows:
            file.write(json.dumps({name: row.get(name, "") for name in columns}, ensure_ascii=False) + "\n")
            n_rows += 1
    return n_rows


def _cell(value: object) -> object:
    return spreadsheet_safe(value) if isinstance(value, str) else value
