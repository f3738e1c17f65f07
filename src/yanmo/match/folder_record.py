"""``files.json``: the size and SHA-256 of every file of a model folder, written last and checked when it is loaded."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..atomic import replacing
from ..errors import InputError
from ..yaml_file import refusal_of
from .folder import ENGINE_FILES, LEARNED_FILE

__all__ = ["FILES_FILE", "check_files", "replacing_file", "write_files"]

FILES_FILE = "files.json"

_AGAIN = "copy the folder again; if the file was changed on purpose, delete files.json"
# What loading would read if it were there.
_READ = (
    *(*ENGINE_FILES, LEARNED_FILE, "config.json", "vocab.txt", "*.model"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    """Bytes."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of its content."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, _File]
    """Of each file, by its name."""


def write_files(folder: Path) -> None:
    """Writes ``files.json`` for the files right in a folder; to be called when all of them are there.

    Hidden files, pages for people (``*.md``) and folders within are left out: they are no part of the model.

    Args:
        folder: The model's folder.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    record = _Record(
        files={
            name: _File(size=(folder / name).stat().st_size, sha256=_digest(folder / name))
            for name in names
            if name != FILES_FILE and not name.startswith(".") and not name.endswith(".md")
        }
    )
    _write(folder / FILES_FILE, record)


@contextmanager
def replacing_file(folder: Path, name: str) -> Iterator[None]:
    """Lets one small file of a folder be written anew; what the record says of all others stays as it is.

    In between the folder has no record: killed there, it loads as a folder of another program does.

    Args:
        folder: The model's folder.
        name: The file that is written within the ``with`` block, whole or not at all.

    Yields:
        Nothing.
    """
    path = folder / FILES_FILE
    record = _read(path) if path.is_file() else None
    path.unlink(missing_ok=True)
    try:
        yield
    finally:
        if record is not None:
            file = folder / name
            entry = _File(size=file.stat().st_size, sha256=_digest(file))
            _write(path, _Record(files={**record.files, name: entry}))


def check_files(folder: Path, *, with_weights: bool = False) -> int:
    """Makes sure that a folder holds what was written into it: all sizes, and the digests of all but weights.

    Weights are left to be read when they are used, mapped into memory: reading them all would double what loading
    costs. ``yanmo doctor model`` reads them too.

    Args:
        folder: The model's folder; one without ``files.json``, as other programs and older versions write it, passes.
        with_weights: Whether to check the digests of weights too.

    Returns:
        The number of files that were checked; 0 without ``files.json``.

    Raises:
        InputError: A file is missing, is not what was written, or has come to those that are read.
    """
    path = folder / FILES_FILE
    if not path.is_file():
        return 0
    record = _read(path)
    for name, said in record.files.items():
        file = folder / name
        if Path(name).name != name or not file.is_file():
            raise InputError("is missing, and files.json lists it", where=file, fix=_AGAIN)
        size = file.stat().st_size
        if size != said.size:
            raise InputError(f"has {size:,} bytes, files.json says {said.size:,}", where=file, fix=_AGAIN)
        is_weights = any(fnmatch(name, pattern) for pattern in ENGINE_FILES)
        if (with_weights or not is_weights) and _digest(file) != said.sha256:
            raise InputError("is not the file that files.json lists", where=file, fix=_AGAIN)
    for name in sorted(path.name for path in folder.iterdir() if path.name not in record.files):
        if any(fnmatch(name, pattern) for pattern in _READ):
            fix = "take it away; if it was put there on purpose, delete files.json"
            raise InputError("is none of the files that files.json lists", where=folder / name, fix=fix)
    return len(record.files)


def _read(path: Path) -> _Record:
    try:
        return _Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"cannot be read ({refusal_of(error)})", where=path, fix="copy the folder again") from error


def _write(path: Path, record: _Record) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record.model_dump(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
