"""The names a prediction writes under, and the claim on them: no file of another's, one prediction at a time."""

import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where nothing stops a second prediction
    fcntl = None  # type: ignore[assignment]

__all__ = ["OutputNames"]

logger = logging.getLogger(__name__)

_KEYS = {"request", "done"}


@dataclass(frozen=True, slots=True)
class OutputNames:
    """What a prediction writes.

    Example:
        >>> OutputNames(Path("a.csv")).journal.name
        'a.csv.part.json'
    """

    out: Path
    """The lines, once they are all there."""

    @property
    def part(self) -> Path:
        """The lines so far. The prediction at work holds the lock on it."""
        return self.out.with_name(f"{self.out.name}.part")

    @property
    def journal(self) -> Path:
        """What is predicted, and how much of ``part`` is whole."""
        return self.out.with_name(f"{self.out.name}.part.json")

    @property
    def rejects(self) -> Path:
        """The bad lines, where they are left out."""
        return self.out.with_name(f"{self.out.name}.rejects.jsonl")

    @contextmanager
    def claimed(self, inputs: Iterable[Path]) -> Iterator[None]:
        """Takes the names for one prediction as long as a ``with`` block lasts; ``part`` exists within it.

        Args:
            inputs: The files that are read.

        Yields:
            Nothing.

        Raises:
            InputError: A name is that of an input, stands for a file that no prediction of ours left there, or is
                claimed by another prediction; nothing has been touched then.
        """
        self._refuse_others(inputs)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.part.exists()
        try:
            descriptor = os.open(self.part, os.O_RDWR | (os.O_CREAT | os.O_EXCL if is_new else 0), 0o666)
        except (FileExistsError, FileNotFoundError) as error:
            raise self._busy() from error
        try:
            self._lock(descriptor)
            if self.out.exists():  # by one that ended since
                raise InputError("exists", where=self.out, fix="name another file or delete it")
            if os.fstat(descriptor).st_size and not self.journal.exists():
                fix = "name another output, or move that file away"
                raise InputError("exists and is no unfinished prediction", where=self.part, fix=fix)
            try:
                yield
            finally:
                # What failed before its first line leaves nothing.
                if is_new and not self.journal.exists() and self._is_ours(descriptor):
                    self.part.unlink()
        finally:
            os.close(descriptor)

    def _refuse_others(self, inputs: Iterable[Path]) -> None:
        names = (self.out, self.part, self.journal, self.rejects)
        for path in inputs:
            for name in names:
                if path.resolve() == name.resolve() or (path.exists() and name.exists() and path.samefile(name)):
                    fix = "name another output"
                    raise InputError(f"is to be read, and would be written as {name.name}", where=path, fix=fix)
        if os.path.lexists(self.out):
            if not os.path.lexists(self.part) and self.journal.is_file() and self._is_journal():
                # Its prediction was ended after its last line, and without the lines it is of no use.
                self.journal.unlink()
            raise InputError("exists", where=self.out, fix="name another file or delete it")
        for name in (self.part, self.journal):
            if os.path.lexists(name) and not stat.S_ISREG(name.lstat().st_mode):
                raise InputError("exists and is no file", where=name, fix="name another output")
        if self.journal.exists() and not self._is_journal():
            fix = "name another output, or move that file away"
            raise InputError("exists and is no journal of a prediction", where=self.journal, fix=fix)

    def _is_journal(self) -> bool:
        try:
            content = json.loads(self.journal.read_text("utf-8"))
        except (ValueError, RecursionError):
            return False
        return isinstance(content, dict) and set(content) == _KEYS

    def _lock(self, descriptor: int) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._busy() from error
        except OSError as error:
            logger.warning("%s: this file system knows no locks (%s); let one prediction run", self.part, error)
        if not self._is_ours(descriptor) and not self.out.exists():
            raise self._busy()

    def _is_ours(self, descriptor: int) -> bool:
        """Whether the name still stands for the file that was opened."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.part.stat())
        except FileNotFoundError:
            return False

    def _busy(self) -> InputError:
        return InputError(
            "another prediction is writing this output", where=self.out, fix="wait for it, or name another output"
        )
