"""How decisions stand in rows: which columns, in which form, and what a spreadsheet must not compute."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import Pair
from ..data.output_format import OutputFormat
from ..data.spreadsheet import spreadsheet_safe
from ..errors import InputError
from ..match.verdicts import Verdict

__all__ = ["RowForm", "probability_column"]

# Characters of UTF-16 that a cell of a sheet holds.
_CELL = 32_767


def probability_column(task: str) -> str:
    """Gives the column of a standard's probability; its decision stands in the column of its own name."""
    return f"{task}_probability"


@dataclass(frozen=True, slots=True)
class RowForm:
    """The columns of an output: those kept, ``file`` where rows are of several files, ``id``, two of each standard.

    Raises:
        InputError: Two columns would have one name.

    Example:
        >>> RowForm(OutputFormat.CSV, tasks=("ssA",), kept=("shop",)).columns
        ('shop', 'id', 'ssA', 'ssA_probability')
    """

    output: OutputFormat
    """What the file is."""
    tasks: tuple[str, ...]
    """Names of the standards."""
    kept: tuple[str, ...] | None = ()
    """Columns of the input that are kept; None for whatever a row has, in JSON lines."""
    names_file: bool = False
    """Whether rows say which file they are from."""
    is_contest: bool = False
    """Whether it is the contest's table of id and label instead."""
    asks: bool = False
    """Whether a pair that a standard is too unsure of has the answer ``?``, for a person to decide."""

    def __post_init__(self) -> None:
        names = (*(self.kept or ()), *self.own)
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(
                f"the column '{repeated[0]}' of the input would stand beside the output's own",
                fix="name the columns to keep without it, as by --keep none, or rename it",
            )

    @property
    def own(self) -> tuple[str, ...]:
        """The columns that are no input's."""
        if self.is_contest:
            return ("id", "label")
        each = [name for task in self.tasks for name in (task, probability_column(task))]
        return (*(("file",) if self.names_file else ()), "id", *each)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are known before the first row."""
        return (*(self.kept or ()), *self.own)

    @property
    def header(self) -> bytes:
        """What stands before the rows; of sheets and parquet the rows are written as JSON lines first."""
        return self._cells([self.columns]) if self.output.is_delimited else b""

    def lines(self, pairs: Sequence[Pair], verdicts: Mapping[str, Verdict]) -> bytes:
        """Writes one line for each pair.

        Args:
            pairs: The pairs.
            verdicts: What each standard that judges them says, by its name.

        Returns:
            The lines.

        Raises:
            InputError: A row has a column that the output has not, or a text that no sheet holds.
        """
        rows = [self._row(pair, verdicts, position) for position, pair in enumerate(pairs)]
        if self.output.is_delimited:
            return self._cells(_delimited(row, self.columns) for row in rows)
        text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        return text.encode("utf-8", "backslashreplace")

    def _row(self, pair: Pair, verdicts: Mapping[str, Verdict], position: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        if self.kept != ():
            row |= self._kept(pair)
        if self.names_file:
            row["file"] = "/".join(Path(pair.source).parts[-2:])
        row["id"] = pair.name
        for task, verdict in verdicts.items():
            asked = self.asks and bool(verdict.asked[position])
            answer: int | str = "?" if asked else int(verdict.accepted[position])
            probability = round(float(verdict.probabilities[position]), 6)
            row |= {"label": answer} if self.is_contest else {task: answer, probability_column(task): probability}
        return row

    def _kept(self, pair: Pair) -> Mapping[str, Any]:
        values = pair.kept or {}
        own = self.own
        for name, value in values.items():
            if name in own and name.casefold() != "id":
                raise _of_row(pair, f"has a column '{name}', which is the output's own", "keep others: --keep NAMES")
            if self.kept is not None and name not in self.kept and name not in own:
                raise _of_row(pair, f"has a column '{name}', which rows before have not", "name those to keep: --keep")
            if self.output is OutputFormat.XLSX and isinstance(value, str) and len(value) * 2 > _CELL:
                n_units = len(value.encode("utf-16-le", "surrogatepass")) // 2
                if n_units > _CELL:
                    problem = f"has {n_units:,} characters in '{name}', a cell of a sheet holds {_CELL:,}"
                    raise _of_row(pair, problem, "write .parquet or .csv, or keep other columns: --keep NAMES")
        return {name: value for name, value in values.items() if name not in own}

    def _cells(self, rows: Iterable[Sequence[str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, delimiter="," if self.output is OutputFormat.CSV else "\t", lineterminator="\n").writerows(rows)
        return out.getvalue().encode("utf-8", "backslashreplace")


def _delimited(row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return [_cell(row.get(name)) for name in columns]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return spreadsheet_safe(value) if isinstance(value, str) else str(value)


def _of_row(pair: Pair, problem: str, fix: str) -> InputError:
    return InputError(f"the row {problem}", where=pair.source, line=pair.line, fix=fix)
