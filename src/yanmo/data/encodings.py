"""The encoding of a file that nobody named: UTF-8 where it is, else guessed from its beginning, and said."""

import logging
from functools import lru_cache
from pathlib import Path

from ..errors import MissingExtraError, require_extra
from .lines import check_encoding, read_beginning

__all__ = ["AUTO", "settle_encoding"]

logger = logging.getLogger(__name__)

AUTO = "auto"
"""Stands for: UTF-8, or what the file's beginning looks like."""

_SAMPLE = 1 << 16
# What Chinese texts are stored in; among all encodings a short text would be taken for Korean now and then.
_LIKELY = ["gb18030", "big5", "utf_16"]


def settle_encoding(path: Path, encoding: str) -> str:
    """Gives the codec to read a file with.

    A file is UTF-8 where most of its first lines beyond ASCII are: single bad lines are bad lines, not another
    encoding. A guess is a warning of the log, once a file.

    Args:
        path: The file; of a pipe nothing can be guessed.
        encoding: A named encoding, or ``auto``.

    Returns:
        Name of a Python codec.

    Raises:
        InputError: Python knows no such encoding, or the file cannot be opened.
    """
    if encoding != AUTO:
        return check_encoding(encoding)
    if not path.is_file():
        return "utf-8"
    return _guessed(path, path.stat().st_size, path.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _guessed(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 (another file of that name is guessed anew)
    sample = read_beginning(path, _SAMPLE)
    whole, _, rest = sample.rpartition(b"\n")
    lines = [
        line for line in (whole if whole and len(sample) == _SAMPLE else sample).split(b"\n") if not line.isascii()
    ]
    n_utf8 = sum(map(_is_utf8, lines))
    if 2 * n_utf8 >= len(lines):
        return "utf-8"
    try:
        detect = require_extra("charset_normalizer", extra="tables").from_bytes
    except MissingExtraError:
        return "utf-8"  # its first line will be refused, with an encoding to try
    found = detect(whole or rest, cp_isolation=_LIKELY).best()
    if found is None:
        return "utf-8"
    codec = check_encoding(str(found.encoding))
    logger.warning(
        "%s: 不是 UTF-8，看来是 %s，按它读 / read as %s by its looks; name it with --encoding", path, codec, codec
    )
    return codec


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
