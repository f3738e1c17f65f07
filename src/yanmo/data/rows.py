"""Rows, and rows out of lines: JSON lines, CSV and TSV. What a column means is not decided here."""

import csv
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, chosen
from .lines import COMPRESSION_SUFFIXES, Flaw, Line

__all__ = ["MAX_ROW_SIZE", "FileFormat", "Row", "choose_format", "count_lines", "peek", "read_rows"]

MAX_ROW_SIZE = 1 << 24
"""Characters of the longest CSV row; an unclosed quote would otherwise swallow the rest of a file of any size."""

_CORRECT = "correct the row, or leave bad rows out with --on-bad-line skip"
_NULL = Flaw("holds a null byte", "save the file as plain text, or name its encoding, such as --encoding utf-16")


class FileFormat(Enum):
    """How rows stand in a file."""

    JSONL = "jsonl"
    """One JSON object a line."""
    CSV = "csv"
    """Commas; quoted cells may hold commas, doubled quotes and line ends."""
    TSV = "tsv"
    """Tabs; one row a line, quotes are ordinary characters except around a whole, properly quoted cell."""
    XLSX = "xlsx"
    """The first sheet of an Excel workbook."""
    PARQUET = "parquet"
    """A parquet file."""
    ARROW = "arrow"
    """An Arrow file (Feather) or stream."""
    DATASET = "dataset"
    """A folder as ``datasets`` writes it with ``save_to_disk``, of one split."""

    @property
    def is_text(self) -> bool:
        """Whether rows stand in lines of text."""
        return self in (FileFormat.JSONL, FileFormat.CSV, FileFormat.TSV)


class Row(NamedTuple):
    """One row, usable or not."""

    line: int
    """Number of the physical line it begins on, or of the row where there are no lines, from 1."""
    text: str
    """The row as it stands in the file, without its last line end."""
    values: dict[str, object] | Sequence[object] | None
    """Values by key (JSON, parquet), cells in order (CSV, TSV, xlsx), or None if it has a flaw."""
    flaw: Flaw | None
    """Why it cannot be used."""


def choose_format(path: Path, first: str) -> FileFormat:
    r"""Tells a file's format by its name, and where that says too little (.txt), by its first line.

    Args:
        path: The file; a compression suffix is passed over.
        first: Its first line that is not blank.

    Returns:
        The format.

    Raises:
        InputError: Neither name nor line tell.

    Example:
        >>> choose_format(Path("train.txt.gz"), '{"source": "甲"}'), choose_format(Path("a.txt"), "甲\t乙")
        (<FileFormat.JSONL: 'jsonl'>, <FileFormat.TSV: 'tsv'>)
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in (".jsonl", ".json", ".ndjson"):
        return FileFormat.JSONL
    if suffix == ".tsv":
        return FileFormat.TSV
    if suffix != ".csv" and first.lstrip().startswith("{"):
        return FileFormat.JSONL
    # Several public sets (ATEC among them) are called .csv and are separated by tabs.
    if "\t" in first and (suffix != ".csv" or "," not in first):
        return FileFormat.TSV
    if suffix == ".csv" or "," in first:
        return FileFormat.CSV
    raise InputError(
        "is neither JSON lines nor separated by tabs or commas", where=path, line=1, fix="name it with --format"
    )


def read_rows(lines: Iterator[Line], file_format: FileFormat | str, *, where: Path) -> Iterator[Row]:
    """Takes rows out of lines; blank lines are no rows.

    Args:
        lines: Physical lines of one file.
        file_format: How rows stand in it.
        where: The file, for messages.

    Returns:
        An iterator over every row, those with a flaw too.

    Raises:
        InputError: The format is none of text. While iterating: a quote is opened and not closed within
            `MAX_ROW_SIZE` characters.
    """
    file_format = chosen(FileFormat, file_format, name="file_format")
    if not file_format.is_text:
        raise InputError(f"{file_format.value} is not made of lines", where=where, fix="read it as a table")
    if file_format is FileFormat.JSONL:
        return map(_json_row, _not_blank(lines))
    if file_format is FileFormat.TSV:
        return map(_tab_row, _not_blank(lines))
    return _csv_rows(lines, where)


def _not_blank(lines: Iterator[Line]) -> Iterator[Line]:
    return (line for line in lines if not _is_blank(line))


def _json_row(line: Line) -> Row:
    text = line.text.rstrip("\r\n")
    flaw = line.flaw
    if flaw is None:
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            flaw = _NULL if "\0" in text else Flaw(f"is not JSON: {error.msg} at character {error.colno}", _CORRECT)
            if line.number == 1 and text.lstrip().startswith("["):
                flaw = Flaw("is one JSON list, not JSON lines", "write one object a line: jq -c '.[]' FILE")
        except (ValueError, RecursionError) as error:
            flaw = Flaw(f"is not JSON that can be read: {error}", _CORRECT)
        else:
            if isinstance(values, dict):
                return Row(line.number, text, values, None)
            flaw = Flaw(f"is a JSON {type(values).__name__}, not an object with named texts", _CORRECT)
    return Row(line.number, text, None, flaw)


def _tab_row(line: Line) -> Row:
    text = line.text.rstrip("\r\n")
    flaw = line.flaw or (_NULL if "\0" in text else None)
    if flaw is not None:
        return Row(line.number, text, None, flaw)
    cells = text.split("\t")
    return Row(line.number, text, [_unquoted(cell) for cell in cells] if '"' in text else cells, None)


def _unquoted(cell: str) -> str:
    """Undoes the quotes a spreadsheet or data frame puts around a cell; any other quote is part of the text."""
    if len(cell) < 2 or not (cell.startswith('"') and cell.endswith('"')):
        return cell
    inner = cell[1:-1]
    return cell if '"' in inner.replace('""', "") else inner.replace('""', '"')


def _csv_rows(lines: Iterator[Line], where: Path) -> Iterator[Row]:
    # The limit (131,072 characters a field) is one for the whole process; it is raised, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ROW_SIZE))
    taken: list[Line] = []

    def feed() -> Iterator[str]:
        size = 0
        for line in lines:
            size = size + len(line.text) if taken else len(line.text)
            taken.append(line)
            if size > MAX_ROW_SIZE and len(taken) > 1:
                problem = f"a quote opened in this row is not closed within {MAX_ROW_SIZE:,} characters"
                raise InputError(problem, where=where, line=taken[0].number, fix="close it or double it")
            yield line.text

    reader = csv.reader(feed(), strict=True)
    while True:
        taken.clear()
        cells, flaw = None, None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            flaw = Flaw(f"is not CSV: {error}", "close every quote, and double those within a quoted text")
            if "new-line character" in str(error):
                flaw = Flaw("holds a carriage return outside of quotes", "end every line in a line feed")
        text = "".join(line.text for line in taken).rstrip("\r\n")
        flaw = next((line.flaw for line in taken if line.flaw), None) or (_NULL if "\0" in text else flaw)
        if flaw is None and (not cells or (len(cells) == 1 and not cells[0].strip())):
            continue
        yield Row(taken[0].number, text, cells if flaw is None else None, flaw)


def peek(lines: Iterator[Line]) -> tuple[str, Iterator[Line]]:
    """Gives the first line that is not blank ('' if there is none), and the lines from there on."""
    for line in lines:
        if not _is_blank(line):
            return line.text, chain((line,), lines)
    return "", lines


def count_lines(lines: Iterator[Line]) -> int:
    """Counts the lines that are not blank."""
    return sum(not _is_blank(line) for line in lines)


def _is_blank(line: Line) -> bool:
    # Tabs alone are not blank: in a TSV file they are a row of empty cells.
    return not line.text.strip(" \r\n")
