"""Files and folders that appear whole or not at all: written in a temporary folder beside them, then renamed.

The temporary folder is locked by the process that writes there. What a killed one left has no lock any more, and the
next process that writes the same file or folder deletes it.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where what killed processes leave stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["clear_killed", "is_temporary", "naming", "new_folder", "replacing"]

# Said in the name, so that nobody's own files are taken for ours.
_MARK = "yanmo-"
# How libraries written in Rust end the message of an error that the system gave them.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
_TEMPORARY = re.compile(rf"\.(?P<target>.+)\.{_MARK}[a-z0-9_]{{8}}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Has an error of the system inside a ``with`` block name a file; a full disk, said of a write, names none.

    Args:
        path: What is written in the block.

    Yields:
        Nothing.

    Raises:
        OSError: What was raised in the block, with a file name; also where safetensors or tokenizers raised it under a
            class of their own.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    except Exception as error:
        found = _SYSTEM_ERROR.search(str(error))
        if found is None:
            raise
        code = int(found[1])
        raise OSError(code, os.strerror(code), str(path)) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; on success it takes that name, on any error it is deleted.

    Args:
        path: The file to write or replace.

    Yields:
        The temporary path to write to.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    with _held_folder(path) as folder:
        temporary = folder / path.name
        with naming(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside ``path``; on success it takes that name, on any error it is deleted.

    Args:
        path: The folder to make. It must not exist, or be empty.

    Yields:
        The temporary folder to write into.

    Raises:
        InputError: The folder exists and holds something.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("the output folder exists and is not empty", where=path, fix="name another or delete it")
    with _held_folder(path) as temporary:
        with naming(path):
            yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            path.rmdir()
        temporary.replace(path)


def is_temporary(name: str) -> bool:
    """Tells whether a folder of this name is one that `replacing` or `new_folder` writes in.

    Args:
        name: Name of a folder.

    Returns:
        True for one of theirs.

    Example:
        >>> is_temporary(".model.yanmo-a1b2c3d4"), is_temporary(".model.backup01")
        (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


def clear_killed(path: Path) -> None:
    """Deletes the temporary folders that killed processes left beside a file or folder.

    Args:
        path: What they were to become.
    """
    for folder in path.parent.glob(".*"):
        found = _TEMPORARY.fullmatch(folder.name)
        if found is not None and found["target"] == path.name and folder.is_dir():
            descriptor = _lock(folder, waits=False)
            if descriptor is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


@contextmanager
def _held_folder(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_killed(path)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.{_MARK}", dir=path.parent))
        descriptor = _lock(folder, waits=True)
        if folder.exists():
            break
        # Between its making and its locking another process took it for one that a killed one left.
        if descriptor is not None:
            os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path, *, waits: bool) -> int | None:
    """Takes the lock of a temporary folder; None where another process has it, or the file system knows no locks."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return descriptor
    return None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
