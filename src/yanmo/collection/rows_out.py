"""Rows of text to a file: CSV, TSV or JSON lines by the name's suffix, whole or not at all."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..atomic import clear_killed, replacing
from ..data.spreadsheet import spreadsheet_safe
from ..errors import InputError

__all__ = ["check_output", "write_rows"]

_TABLES = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")


def check_output(path: Path) -> None:
    """Refuses a name that nothing can be written under, before any work is done.

    Args:
        path: Where rows are to go.

    Raises:
        InputError: It exists, or its suffix names no format.
    """
    if path.suffix.lower() not in (*_TABLES, *_LINES):
        fix = f"name a file ending in {', '.join((*_TABLES, *_LINES))}"
        raise InputError(f"the suffix '{path.suffix}' names no format", where=path, fix=fix)
    if path.exists():
        clear_killed(path)
        raise InputError("exists", where=path, fix="name another file or delete it")


def write_rows(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, done: Path | None = None
) -> None:
    """Writes rows; in tables a cell that a spreadsheet would compute stands after an apostrophe.

    Args:
        path: The file.
        columns: Names of the columns, in order.
        rows: Values by column.
        done: A folder that is of no use once the file stands, and is deleted; whatever ends the process, the file is
            not left without rows or beside the folder.
    """
    with replacing(path) as temporary:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if path.suffix.lower() in _LINES:
                for row in rows:
                    file.write(json.dumps({name: row.get(name, "") for name in columns}, ensure_ascii=False) + "\n")
            else:
                table = csv.writer(file, delimiter=_TABLES[path.suffix.lower()], lineterminator="\n")
                table.writerow(columns)
                table.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)
        if done is not None:
            # It goes with the temporary folder, which the next call deletes should this one be killed.
            done.replace(temporary.parent / done.name)


def _cell(value: object) -> object:
    return spreadsheet_safe(value) if isinstance(value, str) else value
