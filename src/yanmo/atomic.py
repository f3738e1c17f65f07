"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError

__all__ = ["naming", "new_folder", "replacing"]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Has an error of the system inside a ``with`` block name a file; a full disk, said of a write, names none.

    Args:
        path: What is written in the block.

    Yields:
        Nothing.

    Raises:
        OSError: What was raised in the block, with a file name.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


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
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with naming(path):
            yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            path.rmdir()
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
