"""A collection of single texts with ids, from a file, a data frame or a list: rows as they came, each with its text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..data.columns import listing, spelled
from ..data.encodings import settle_encoding
from ..data.lines import read_lines
from ..data.row_sources import RowSource, row_source
from ..data.rows import FileFormat, choose_format, peek
from ..data.table_files import table_format
from ..errors import InputError, chosen

__all__ = ["GivenTexts", "TextTable", "first_columns", "read_known", "read_texts"]

GivenTexts: TypeAlias = str | Path | Iterable[Any]
"""A path, a data frame, or a list of texts or of dicts."""

_TEXT_NAMES = ("text", "文本", "title", "标题", "question", "问题", "sentence", "content", "内容")
_NAME_IT = "name it with --column"


@dataclass(frozen=True, slots=True)
class TextTable:
    """A collection.

    Attributes:
        columns: Names of the columns, in order.
        rows: Values of each row by column, as strings.
        ids: The id of each row: that of the id column, else its number from 1.
        texts: The text of each row.
        column: The column the texts are from.
        where: The file, or what stands for it in messages.
    """

    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    ids: list[str]
    texts: list[str]
    column: str
    where: str


def read_texts(
    source: GivenTexts,
    *,
    column: str | None = None,
    id_column: str | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "auto",
) -> TextTable:
    r"""Reads a collection.

    The text is in the column that is named, in the only column there is (besides ``id``), or in one of the customary
    name; two such columns are refused. A file without a known header and with one column is a list of texts.

    Args:
        source: A file (JSON lines, CSV, TSV, xlsx, parquet, Arrow, or plain lines), a data frame, a list of texts, or
            one of dicts.
        column: Column of the texts.
        id_column: Column of the ids; ``id`` where there is one.
        file_format: How rows stand in the file; None tells by name and first line.
        encoding: Of the file.

    Returns:
        The collection; empty texts are in it.

    Raises:
        InputError: There is no row, no column or more than one that may hold the text, a value is no text, or an id is
            there twice.

    Example:
        >>> table = read_texts([{"id": "q1", "text": "怎么退款"}, {"id": "q2", "text": "如何退钱"}])
        >>> table.ids, table.texts
        (['q1', 'q2'], ['怎么退款', '如何退钱'])
    """
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    if isinstance(source, str | Path):
        where, rows = str(source), _of_file(Path(source), file_format, encoding)
    else:
        where, rows = "the collection", _of_objects(source)
    if not rows:
        raise InputError("holds no text", where=where, fix="give one row at least")
    names = tuple(dict.fromkeys(name for _, row in rows for name in row))
    id_name = _present(id_column, names, where) if id_column is not None else spelled("id", names)
    text_name = _text_column(names, column=column, id_name=id_name, where=where)
    texts, ids, seen = [], [], dict[str, int]()
    for place, (line, row) in enumerate(rows, start=1):
        text = row.get(text_name, "")
        if not isinstance(text, str):
            raise InputError(f"'{text_name}' is {text!r}, not a text", where=where, line=line, fix="correct the row")
        name = str(place) if id_name is None else str(row.get(id_name) or "").strip()
        if not name:
            raise InputError(
                f"there is no id in '{id_name}'", where=where, line=line, fix="give every row an id, or none"
            )
        if name in seen:
            problem = f"the id '{name}' is there twice, first on line {seen[name]}"
            raise InputError(problem, where=where, line=line, fix="give every row an id of its own, or name --id")
        seen[name] = line
        texts.append(text)
        ids.append(name)
    values = [{name: "" if value is None else str(value) for name, value in row.items()} for _, row in rows]
    return TextTable(names, values, ids, texts, text_name, where)


def first_columns(path: Path) -> tuple[str, ...]:
    """Gives the columns of a file's header, or of its first row where each row names its own.

    Args:
        path: The file.

    Returns:
        The columns.

    Raises:
        InputError: It is no file of rows.
    """
    for row in row_source(path).open()[1]:
        if row.flaw is not None:
            break
        return tuple(str(name) for name in row.values or ())
    raise InputError("has no rows", where=path)


def _of_file(path: Path, file_format: FileFormat | None, encoding: str) -> list[tuple[int, dict[str, Any]]]:
    if table_format(path, file_format) is None:
        first, lines = peek(read_lines(path, encoding=settle_encoding(path, encoding)))
        if not first:
            raise InputError("is empty", where=path, fix="give a file with a row for each text")
        try:
            file_format = file_format or choose_format(path, first)
        except InputError:
            # Neither tabs nor commas nor JSON: a text on every line.
            return [(line.number, {"text": line.text.rstrip("\r\n")}) for line in lines if line.text.strip()]
    return _named(row_source(path, file_format=file_format, encoding=encoding), where=str(path))


def _of_objects(source: Iterable[Any]) -> list[tuple[int, dict[str, Any]]]:
    if isinstance(source, Sequence):
        source = [{"text": one} if isinstance(one, str) else one for one in source]
        for i, one in enumerate(source, start=1):
            if not isinstance(one, Mapping):
                fix = "give texts, or dicts with the key 'text'"
                raise InputError(f"row {i} is a {type(one).__name__}, not a text", where="the collection", fix=fix)
    if isinstance(source, Sequence) and not source:
        return []
    return _named(row_source(source), where="the collection")


def _named(source: RowSource, *, where: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows by column; of a table the first row names them."""
    found: list[tuple[int, dict[str, Any]]] = []
    names: list[str] | None = None
    for row in source.open()[1]:
        if row.flaw is not None:
            raise InputError(row.flaw.reason, where=where, line=row.line, fix=row.flaw.fix)
        if isinstance(row.values, dict):
            found.append((row.line, row.values))
            continue
        cells = ["" if cell is None else cell for cell in row.values or ()]
        if names is None:
            names = [str(cell).strip() for cell in cells]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise InputError(
                    f"two columns are called '{repeated[0]}'", where=where, line=row.line, fix="rename one"
                )
            continue
        if len(cells) != len(names):
            problem = f"has {len(cells)} columns where the header has {len(names)}"
            raise InputError(problem, where=where, line=row.line, fix="put texts that hold the separator in quotes")
        found.append((row.line, dict(zip(names, cells, strict=True))))
    return found


def _text_column(names: Sequence[str], *, column: str | None, id_name: str | None, where: str) -> str:
    if column is not None:
        return _present(column, names, where)
    others = [name for name in names if name != id_name]
    if len(others) == 1:
        return others[0]
    known = [name for name in (spelled(each, others) for each in _TEXT_NAMES) if name is not None]
    if "text" in known:
        return "text"
    if len(known) == 1:
        return known[0]
    if known:
        raise InputError(f"several columns may hold the text: {', '.join(known)}", where=where, fix=_NAME_IT)
    raise InputError(f"no column is known to hold the text ({listing(names)})", where=where, fix=_NAME_IT)


def _present(name: str, names: Sequence[str], where: str) -> str:
    if name not in names:
        raise InputError(f"there is no column '{name}' ({listing(names)})", where=where, fix="name one that is there")
    return name


def read_known(path: Path, *, encoding: str = "auto") -> list[tuple[str, str]]:
    """Reads known matches: columns ``id_a`` and ``id_b``; where there is a ``label``, the rows in which it is 1.

    Args:
        path: The file.
        encoding: Of the file.

    Returns:
        The ids of each pair.

    Raises:
        InputError: A column is missing.
    """
    found = []
    for line, row in _of_file(path, None, encoding):
        if "id_a" not in row or "id_b" not in row:
            problem = f"has no columns id_a and id_b ({listing(tuple(row))})"
            raise InputError(problem, where=path, line=line, fix="give known matches by the ids of both lists")
        if str(row.get("label", "1")).strip() in ("1", "1.0", "True", "true"):
            found.append((str(row["id_a"]), str(row["id_b"])))
    return found
