"""Too little room: a small file system where one may mount it, else a limit on the size of files."""

import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PAGE = 4096
"""Bytes that a file system in memory gives at a time."""


@functools.cache
def may_mount() -> bool:
    """Whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with SmallDisk(Path(folder), n_pages=1):
                return True
        except (subprocess.CalledProcessError, FileNotFoundError):
            return False


@dataclass(frozen=True)
class SmallDisk:
    """A file system of some pages in an empty folder, as long as a ``with`` block lasts."""

    folder: Path
    n_pages: int
    largest_file: None = None

    def grow(self) -> None:
        """Makes room."""
        self._mount("remount,size=64m")

    def __enter__(self) -> "SmallDisk":
        self._mount(f"size={self.n_pages * PAGE}")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        # Lazily: who still reads there does not keep it.
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)


@dataclass(frozen=True)
class SmallFiles:
    """A limit on every file, said to the call."""

    largest_file: int
    """Bytes."""

    def grow(self) -> None:
        """The next call has no limit."""

    def __enter__(self) -> "SmallFiles":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        pass
