"""Pairs out of files and of what programs hand in, one at a time: any length in flat memory, every bad line named.

An empty text (nothing but white space) is a bad line where labels are read: a label on nothing teaches nothing and
blurs a score. Where none are read, as for prediction, it is let through: whoever sends a row expects one back.
"""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import InputError, chosen
from .columns import Columns, find_columns, find_header, listing
from .encodings import AUTO
from .lines import Flaw, check_encoding
from .pair import Pair, PairRule
from .rejects import OnBadLine, RejectFile
from .row_sources import FileRows, RowShape, RowSource, row_source
from .rows import FileFormat, Row
from .tasks import Task, TaskSet

__all__ = ["Pair", "PairReader", "count_rows", "read_pairs"]

logger = logging.getLogger(__name__)


def read_pairs(
    data: Any,
    *,
    task: Task | None = None,
    task_set: TaskSet | None = None,
    labelled: bool = True,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    reject_file: RejectFile | None = None,
    start_after: int = 0,
    other_labels: Sequence[str] = (),
    all_or_no_ids: bool = False,
    keep: Sequence[str] | None = (),
) -> "PairReader":
    """Reads the pairs of one file, or of what a program hands in, in order.

    Args:
        data: The file: JSON lines, CSV or TSV, plain or packed with gzip, Zstandard or xz, xlsx, parquet, Arrow, or the
            folder of a saved data set. Or a data frame, a data set, or a list of tuples or dicts; see `row_source`.
        task: The task the pairs belong to; None reads pairs of no task, without labels.
        task_set: Says which columns to expect; those of ``task`` go before.
        labelled: Whether to read the task's labels; without them empty texts are let through.
        columns: Columns by name, where the file's own are neither expected nor customary.
        file_format: How rows stand in the file; None tells by name and first line.
        encoding: Text encoding of a file; ``auto`` for that of the task or its set, else for UTF-8 or what the file
            looks like.
        on_bad_line: Stop at a bad line, or leave it out.
        reject_file: Where lines left out go.
        start_after: Pairs to pass over, as when a prediction goes on; they are read and checked but not given, so that
            the reject file comes out complete, and the count needs no index.
        other_labels: Label columns of other tasks that share this file; a row with no label for ``task`` but with one
            of these is not bad, it is theirs.
        all_or_no_ids: Whether a row is bad that has an id where the first had none, or none where the first had one:
            for whoever names rows without an id by number, which may be another's id.
        keep: Columns whose values go with the pairs, as ``Pair.kept``; None keeps all.

    Returns:
        An iterator over the pairs that also counts.

    Raises:
        InputError: An option is wrong. While iterating: the file cannot be read, holds no usable row, or has a bad
            line under `OnBadLine.ERROR`.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "pairs.jsonl"
        >>> _ = file.write_text('{"text1": "巴萨获胜", "text2": "巴塞罗那赢球", "label": "1"}', encoding="utf-8")
        >>> [(pair.text0, pair.text1, pair.label) for pair in read_pairs(file, task=Task(name="news"))]
        [('巴萨获胜', '巴塞罗那赢球', 1)]
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    if (on_bad_line is OnBadLine.SKIP) != (reject_file is not None):
        raise InputError("leaving bad lines out and a file to write them to go together", fix="give both or neither")
    if start_after < 0:
        raise InputError(f"cannot start after {start_after} pairs", fix="give 0 or more")
    if encoding == AUTO:
        own = (None if task is None else task.encoding) or (None if task_set is None else task_set.encoding)
        encoding = own or AUTO
    source = row_source(
        data, file_format=file_format, encoding=encoding if encoding == AUTO else check_encoding(encoding)
    )
    path = source.path if isinstance(source, FileRows) else None
    if path is not None and reject_file is not None and reject_file.path.resolve() == path.resolve():
        raise InputError("would be read and written at once", where=path, fix="name another file for bad lines")
    expected = Columns(id="id")
    if task_set is not None:
        expected = Columns(task_set.first, task_set.second, id=task_set.id)
    if task is not None:
        first, second = (task.first, task.second) if task.first else (expected.first, expected.second)
        expected = Columns(first, second, task.column if labelled else None, task.id or expected.id)
    return PairReader(
        source,
        task=task if labelled else None,
        named=columns or Columns(),
        expected=expected,
        reject_file=reject_file,
        start_after=start_after,
        other_labels=tuple(other_labels),
        all_or_no_ids=all_or_no_ids,
        keep=None if keep is None else tuple(keep),
        header=(() if task is None else task.header) or (() if task_set is None else task_set.header),
    )


class PairReader(Iterator[Pair]):
    """The pairs of one file; made by `read_pairs`. Closing it closes the file."""

    def __init__(
        self,
        source: RowSource,
        *,
        task: Task | None,
        named: Columns,
        expected: Columns,
        reject_file: RejectFile | None,
        start_after: int,
        other_labels: tuple[str, ...],
        all_or_no_ids: bool,
        keep: tuple[str, ...] | None,
        header: tuple[str, ...],
    ) -> None:
        self.path = Path(source.name)
        """The file, or what messages call the data."""
        self.columns: Columns | None = None
        """The columns read; None until the first pair."""
        self.found: tuple[str, ...] = ()
        """Columns of the file's first row; empty until the first pair."""
        self.has_ids: bool | None = None
        """Whether the first pair has an id; None until then."""
        self.n_pairs = 0
        """Pairs read so far, with those passed over by ``start_after``."""
        self.n_bad = 0
        """Bad rows so far."""
        self.n_other = 0
        """Rows so far that are labelled for other tasks only."""
        self.n_rows = 0
        """Rows so far, good and bad."""
        self._source = source
        self._task = task
        self._named = named
        self._expected = expected
        self._rejects = reject_file
        self._start_after = start_after
        self._other_labels = other_labels
        self._all_or_no_ids = all_or_no_ids
        self._keep = keep
        self._header = header
        wanted = (named.first, named.second, named.label, named.id, expected.first, expected.second, expected.label)
        self._is_nested = any("." in name for name in (*wanted, expected.id, *other_labels, *(keep or ())) if name)
        self._shape = RowShape.NAMED
        self._rule: PairRule | None = None
        self._first_flaw: tuple[int, Flaw] | None = None
        self._pairs = self._read()

    def __next__(self) -> Pair:
        return next(self._pairs)

    def close(self) -> None:
        """Stops reading and closes the file."""
        self._pairs.close()

    def __enter__(self) -> "PairReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> Generator[Pair, None, None]:
        for row in self._rows():
            self.n_rows += 1
            found = row.flaw or self._pair_of(row)
            if isinstance(found, Pair):
                found = self._check_id(found)
            if found is None:
                self.n_other += 1
            elif isinstance(found, Flaw):
                self._turn_down(row, found)
            else:
                self.n_pairs += 1
                if self.n_pairs > self._start_after:
                    yield found
        self._check_end()

    def _check_id(self, pair: Pair) -> Pair | Flaw:
        if self.has_ids is None:
            self.has_ids = pair.id is not None
        if not self._all_or_no_ids or self.has_ids == (pair.id is not None):
            return pair
        what = "has no id, and rows before have one" if self.has_ids else "has an id, and rows before have none"
        return Flaw(what, "give every row an id, or none")

    def _rows(self) -> Iterator[Row]:
        """Rows with values by name; the header of a table, if there is one, is taken off."""
        shape, rows = self._source.open()
        self._shape = shape
        if shape is RowShape.NAMED:
            yield from rows
            return
        names: list[str] = []
        for row in rows:
            cells = row.values
            if not names and shape is RowShape.POSITIONS:
                names = self._name_positions()
            elif not names:
                names, is_header = self._open_table(row)
                if is_header:
                    continue
            if isinstance(cells, Sequence):
                yield self._named_row(row, names[: len(cells)] if shape is RowShape.POSITIONS else names, cells)
            else:
                yield row

    def _name_positions(self) -> list[str]:
        """Tuples hold what is expected, in order; their elements have no names of their own."""
        if self._named != Columns():
            raise InputError("the rows are tuples, which have no columns to name", where=self.path, fix="give dicts")
        names = [self._expected.first or "first", self._expected.second or "second", self._expected.label or "label"]
        self._settle(Columns(names[0], names[1], self._expected.label and names[2]), tuple(names))
        return names

    def _open_table(self, row: Row) -> tuple[list[str], bool]:
        """The first row of a table decides about all others, so a flaw in it stops everything."""
        if not isinstance(row.values, list):
            flaw = row.flaw or Flaw("is no row of a table", "name the format with --format")
            raise InputError(flaw.reason, where=self.path, line=row.line, fix=flaw.fix)
        cells = ["" if value is None else str(value) for value in row.values]
        try:
            if self._header:
                names, is_header, columns = self._given_header(cells)
            else:
                names, is_header, columns = find_header(cells, named=self._named, expected=self._expected)
        except InputError as error:
            raise InputError(error.problem, where=self.path, line=row.line, fix=error.fix) from error
        self._settle(columns, tuple(names))
        return names, is_header

    def _given_header(self, cells: list[str]) -> tuple[list[str], bool, Columns]:
        """The names that the task file gives to columns; a file that begins with these very names has a header too."""
        names = list(self._header)
        if len(cells) != len(names):
            problem = f"the first row has {len(cells)} columns, the task file names {len(names)} by 'header'"
            raise InputError(problem, fix=f"name them all; the row begins with '{cells[0][:30]}'")
        is_header = [cell.strip() for cell in cells] == names
        return names, is_header, find_columns(names, named=self._named, expected=self._expected)

    def _named_row(self, row: Row, names: list[str], cells: Sequence[object]) -> Row:
        if len(cells) != len(names):
            flaw = Flaw(
                f"has {len(cells)} columns where the first row has {len(names)}",
                "put texts that hold the separator or a line end in quotes (CSV), or use JSON lines",
            )
            return row._replace(values=None, flaw=flaw)
        return row._replace(values=dict(zip(names, cells, strict=True)))

    def _pair_of(self, row: Row) -> Pair | Flaw | None:
        values = row.values
        if not isinstance(values, dict):
            raise TypeError("a row without a flaw has its values by name")
        looked_in = _with_nested(values) if self._is_nested else values
        if self._rule is None:
            try:
                columns = find_columns(tuple(looked_in), named=self._named, expected=self._expected)
            except InputError as error:
                return Flaw(error.problem, error.fix or "correct the row")
            # A first object without an id says nothing about the others, unlike the header of a table.
            self._settle(replace(columns, id=columns.id or self._expected.id), tuple(values))
        found = self._rule.apply(looked_in, line=row.line, row=self.n_rows) if self._rule else None
        if self._keep == () or not isinstance(found, Pair):
            return found
        kept = values if self._keep is None else {name: looked_in.get(name) for name in self._keep}
        return replace(found, kept=kept)

    def _settle(self, columns: Columns, found: tuple[str, ...]) -> None:
        self.columns, self.found = columns, found
        unknown = [name for name in self._keep or () if name not in found and "." not in name]
        if unknown:
            raise InputError(
                f"there is no column '{unknown[0]}' to keep ({listing(found)})",
                where=self.path,
                fix="name columns that are there, all, or none",
            )
        self._rule = PairRule(
            str(self.path),
            columns,
            task=self._task,
            id_required=self._named.id is not None,
            other_labels=self._other_labels,
            spells_numbers=self._shape is RowShape.SHEET,
        )
        texts, expected = (columns.first, columns.second), (self._expected.first, self._expected.second)
        if self._named.first is None and texts != expected:
            logger.info("%s: texts are read from the columns '%s' and '%s'", self.path, columns.first, columns.second)

    def _turn_down(self, row: Row, flaw: Flaw) -> None:
        self.n_bad += 1
        if self._rejects is None:
            raise InputError(flaw.reason, where=self.path, line=row.line, fix=flaw.fix)
        self._first_flaw = self._first_flaw or (row.line, flaw)
        self._rejects.write(str(self.path), line=row.line, reason=flaw.reason, text=row.text)

    def _check_end(self) -> None:
        if self._first_flaw is not None and not self.n_pairs and not self.n_other:
            line, flaw = self._first_flaw
            problem = f"none of the {self.n_bad} rows can be used; the first: {flaw.reason}"
            raise InputError(problem, where=self.path, line=line, fix=flaw.fix)
        if not self.n_pairs + self.n_bad + self.n_other:
            raise InputError("holds a header and no row", where=self.path, fix="give a file with a row for each pair")
        if self.n_pairs < self._start_after:
            raise InputError(
                f"has {self.n_pairs} pairs, and was to be read after {self._start_after}",
                where=self.path,
                fix="go on with the file that was begun, or begin anew",
            )


def count_rows(path: str | Path, *, encoding: str = "utf-8", file_format: FileFormat | str | None = None) -> int:
    """Counts rows for a progress bar: good and bad ones, and a header too, without looking into them.

    Args:
        path: The file.
        encoding: Text encoding.
        file_format: How rows stand in the file; None tells by name and first line.

    Returns:
        The number of rows; 0 for an empty file.

    Raises:
        InputError: The file cannot be read, or is a pipe, which can be read once only.
    """
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    n_rows = FileRows(Path(path), file_format=file_format, encoding=encoding).count()
    if n_rows is None:
        raise InputError("is no file whose rows can be counted before they are read", where=path)
    return n_rows


def _with_nested(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Adds what stands in objects within a row, by names such as ``a.b``; a column so called itself goes before."""
    flat: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _with_nested({str(inner): each for inner, each in value.items()}, f"{prefix}{key}.")
    return flat | {prefix + key: value for key, value in values.items()}
