"""The file of answers of a labelling: a table that grows by a row an answer, each on the disk before the next is asked.

The table is its own journal: a row is written whole and forced to the disk, taking one back cuts it off again. A row
that a kill left half-written is no answer, and is cut off when the file is opened next.
"""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ...errors import InputError
from ..learn_file import read_examples

try:
    import fcntl
except ImportError:  # Windows, where two people on one file are not noticed
    fcntl = None  # type: ignore[assignment]

__all__ = ["Answers"]

_HEADER = ("text1", "text2", "label")


class Answers:
    """Opens the file of answers, goes on where it stopped, and keeps others from writing to it.

    Args:
        path: The table; made if missing.

    Raises:
        InputError: Somebody else labels into the file, it is no such table, or its labels are not 1 and 0.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        try:
            self._lock()
            self._size = self._open_table()
            self.pairs, self.labels = self._read()
            self._ends = self._row_ends()
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self.labels)

    def add(self, pair: tuple[str, str], label: int) -> None:
        """Writes an answer; when this returns it is on the disk.

        Args:
            pair: The texts.
            label: 1 match, 0 no match.

        Raises:
            InputError: Somebody changed the file in the meantime.
        """
        self._refuse_change()
        row = _row((*pair, label))
        self._file.write(row)
        self._flush()
        self._size += len(row)
        self._ends.append(self._size)
        self.pairs.append(pair)
        self.labels.append(label)

    def take_back(self) -> tuple[str, str] | None:
        """Cuts the last answer off.

        Returns:
            Its pair; None where there is no answer.

        Raises:
            InputError: Somebody changed the file in the meantime.
        """
        if not self.labels:
            return None
        self._refuse_change()
        self._ends.pop()
        self._size = self._ends[-1] if self._ends else len(_row(_HEADER))
        self._file.truncate(self._size)
        self._flush()
        self.labels.pop()
        return self.pairs.pop()

    def close(self) -> None:
        """Lets others write to the file."""
        self._file.close()

    def __enter__(self) -> "Answers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                "somebody else is labelling into this file", where=self.path, fix="give --out another name; join later"
            ) from error

    def _open_table(self) -> int:
        """Writes the header of a new table, cuts a half-written row off; returns the size."""
        content = self.path.read_bytes()
        whole = _whole_rows(content)
        if whole < len(content):
            self._file.truncate(whole)
            self._flush()
        if whole:
            return whole
        header = _row(_HEADER)
        self._file.write(header)
        self._flush()
        return len(header)

    def _read(self) -> tuple[list[tuple[str, str]], list[int]]:
        if self._size == len(_row(_HEADER)):
            return [], []
        found = read_examples(self.path)
        for label, line in zip(found.labels, found.lines, strict=True):
            if label not in ("0", "1"):
                problem = f"label '{label}' is neither 1 nor 0"
                raise InputError(problem, where=self.path, line=line, fix="correct it, or give --out another name")
        return found.pairs, [int(label) for label in found.labels]

    def _row_ends(self) -> list[int]:
        """Where each answer's row ends, so that it can be cut off again."""
        content = self.path.read_bytes()
        ends = _line_ends(content)[1:]
        if len(ends) != len(self.labels):
            raise InputError(
                f"has {len(ends)} rows below the header, {len(self.labels)} of them answers",
                where=self.path,
                fix="delete empty rows, or give --out another name",
            )
        return ends

    def _refuse_change(self) -> None:
        try:
            size = self.path.stat().st_size
            same = os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            size, same = -1, False
        if not same or size != self._size:
            raise InputError(
                "was changed by another program while it was being labelled into; nothing written before is lost",
                where=self.path,
                fix="close that program and start again: what stands in the file then is taken as it is",
            )

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def _row(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def _line_ends(content: bytes) -> list[int]:
    """Where rows end: at line ends outside quotes."""
    ends, quoted = [], False
    for position, byte in enumerate(content):
        if byte == ord('"'):
            quoted = not quoted
        elif byte == ord("\n") and not quoted:
            ends.append(position + 1)
    return ends


def _whole_rows(content: bytes) -> int:
    ends = _line_ends(content)
    return ends[-1] if ends else 0
