"""What happens to bad lines: an error, or a place in a reject file."""

import io
import json
from enum import Enum
from pathlib import Path
from types import TracebackType

from ..errors import InputError

__all__ = ["OnBadLine", "RejectFile"]

_KEYS = {"file", "line", "reason", "text"}


class OnBadLine(Enum):
    """What to do with a line that cannot be used."""

    ERROR = "error"
    """Stop, naming file, line and fix."""
    SKIP = "skip"
    """Leave it out, and write it with its reason to the reject file."""


class RejectFile:
    r"""Collects bad lines as JSON lines with the keys ``file``, ``line``, ``reason`` and ``text``.

    One may serve the reading of many files. Every line is on its way to the disk before the next row is read, so a
    run that is killed leaves them all. If nothing is rejected there is no file. Reading the same rows again, as for a
    second task or after a restart, gives the same content, no line doubled.

    Args:
        path: Where to write. An older reject file of this name is deleted.

    Raises:
        InputError: Something else than a reject file bears this name, or it cannot be written.

    Example:
        >>> import tempfile
        >>> with RejectFile(Path(tempfile.mkdtemp()) / "rejects.jsonl") as rejects:
        ...     rejects.write("train.txt", line=7, reason="is not JSON", text="{")
        >>> rejects.n_rejected, rejects.path.read_text()
        (1, '{"file": "train.txt", "line": 7, "reason": "is not JSON", "text": "{"}\n')
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        """Where it is written."""
        self.by_file: dict[str, int] = {}
        """Lines rejected of each file."""
        self._written: set[int] = set()
        self._file: io.FileIO | None = None
        if self.path.exists():
            self._delete_older()

    @property
    def n_rejected(self) -> int:
        """Lines rejected so far, of all files."""
        return sum(self.by_file.values())

    def write(self, file: str, *, line: int, reason: str, text: str) -> None:
        """Adds one bad line; the same line with the same reason is kept once.

        Args:
            file: The file it stands in.
            line: Its number, from 1.
            reason: Why it cannot be used.
            text: The line itself.

        Raises:
            InputError: It cannot be written, as on a full disk.
        """
        key = hash((file, line, reason))
        if key in self._written:
            return
        self._written.add(key)
        record = json.dumps({"file": file, "line": line, "reason": reason, "text": text}, ensure_ascii=False)
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = io.FileIO(self.path, "x")
            # Unbuffered: a line that could not be written must not come back as a second error on closing.
            # Half a surrogate pair, as JSON can spell it, is written as JSON spells it.
            rest = (record + "\n").encode("utf-8", "backslashreplace")
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise InputError(f"cannot be written ({error.strerror})", where=self.path, fix="make room") from error
        self.by_file[file] = self.by_file.get(file, 0) + 1

    def close(self) -> None:
        """Ends the writing."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> "RejectFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _delete_older(self) -> None:
        try:
            with self.path.open(encoding="utf-8") as file:
                start = file.readline(1 << 26)
            record = json.loads(start) if start else dict.fromkeys(_KEYS)
        except (ValueError, OSError):
            record = None
        if not isinstance(record, dict) or set(record) != _KEYS:
            raise InputError("exists and is no reject file", where=self.path, fix="name another file for bad lines")
        self.path.unlink()
