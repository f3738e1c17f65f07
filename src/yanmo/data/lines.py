"""Physical lines of a file: plain or compressed, in any encoding, one at a time."""

import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, cast

import zstandard

from ..errors import InputError

__all__ = ["COMPRESSION_SUFFIXES", "MAX_LINE_SIZE", "Flaw", "Line", "check_encoding", "read_beginning", "read_lines"]

COMPRESSION_SUFFIXES = (".gz", ".zst", ".xz")
MAX_LINE_SIZE = 1 << 26
"""Bytes of the longest line that is read; more means that the file is not made of lines at all."""

# Files that say gb2312 or gbk mostly hold a few characters beyond it; gb18030 reads the same bytes the same way.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8-sig": "utf-8"}
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile)


class Flaw(NamedTuple):
    """Why a line or row cannot be used."""

    reason: str
    """What is wrong, as a sentence without its full stop."""
    fix: str
    """What to do about it."""


class Line(NamedTuple):
    """One physical line."""

    number: int
    """Its number in the (unpacked) file, from 1."""
    text: str
    """Its text with its line end; undecodable bytes appear as ``\\xd0``."""
    flaw: Flaw | None
    """Set where bytes could not be decoded."""


def check_encoding(encoding: str) -> str:
    """Gives the codec to read with: the named one, or for older Chinese encodings the superset gb18030.

    Args:
        encoding: Name of a text encoding, such as ``utf-8`` or ``gbk``.

    Returns:
        Name of a Python codec.

    Raises:
        InputError: Python knows no such text encoding.

    Example:
        >>> check_encoding("GBK"), check_encoding("UTF8")
        ('gb18030', 'utf-8')
    """
    try:
        name = codecs.lookup(encoding).name
        "\n".encode(name)  # refuses codecs between bytes and bytes, such as base64
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(f"unknown encoding '{encoding}'", fix="use utf-8, gb18030, big5 or utf-16") from error
    return _SUPERSETS.get(name, name)


def read_lines(path: Path, *, encoding: str = "utf-8") -> Iterator[Line]:
    """Reads a file line by line; memory holds one line.

    Compression (gzip, Zstandard, xz) is seen by the file's first bytes, whatever its name. Lines end at a line feed
    only: U+2028, U+0085 and the like belong to texts. A byte order mark is dropped.

    Args:
        path: The file; a pipe will do.
        encoding: Its text encoding.

    Yields:
        The lines. One that does not decode has its flaw set.

    Raises:
        InputError: The file cannot be opened, is damaged or cut off, has a line over `MAX_LINE_SIZE` bytes, or ends its
            lines in carriage returns only, as some spreadsheets save for a Macintosh.
    """
    codec = check_encoding(encoding)
    number = 0
    with ExitStack() as stack:
        try:
            file = _unpacked(stack.enter_context(path.open("rb")))
            # In these encodings no other character contains the byte of a line feed, so lines can be cut before
            # decoding, and a bad byte spoils one line only. UTF-16 and UTF-32 have to be decoded as a stream.
            lines = _decode_each(file, codec) if "\n".encode(codec) == b"\n" else _decode_stream(file, codec)
            for line in lines:
                number = line.number
                if number == 1 and not line.text.endswith("\n") and "\r" in line.text.rstrip("\r"):
                    fix = "save it with line feeds, as by: tr '\\r' '\\n' < FILE > NEW"
                    raise InputError("its lines end in carriage returns only", where=path, line=1, fix=fix)
                if len(line.text) >= MAX_LINE_SIZE // 4 and not line.text.endswith("\n"):
                    _check_size(line, path)
                yield line
        except _DAMAGE as error:
            raise InputError(
                f"the compressed file is damaged or cut off after line {number}", where=path, fix="copy it again"
            ) from error
        except UnicodeError as error:
            fix = "name the encoding it is in, such as --encoding gb18030"
            problem = f"is not {encoding} from about this line on: {getattr(error, 'reason', error)}"
            raise InputError(problem, where=path, line=number + 1, fix=fix) from error
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from error


def read_beginning(path: Path, size: int) -> bytes:
    """Gives the first bytes of a file, unpacked; raises InputError where it cannot be opened or is damaged."""
    with ExitStack() as stack:
        try:
            return _unpacked(stack.enter_context(path.open("rb"))).read(size)
        except _DAMAGE as error:
            raise InputError("the compressed file is damaged or cut off", where=path, fix="copy it again") from error
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from error


def _decode_each(file: io.BufferedIOBase, codec: str) -> Iterator[Line]:
    number = 0
    while raw := file.readline(MAX_LINE_SIZE):
        number += 1
        flaw = None
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError as error:
            text = raw.decode(codec, errors="backslashreplace")
            utf16 = number == 1 and raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            other = "utf-16" if utf16 else "gb18030" if codec != "gb18030" else "big5"
            flaw = Flaw(
                f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not {codec}",
                f"name the encoding the file is in, such as --encoding {other}",
            )
        yield Line(number, text.removeprefix("\ufeff") if number == 1 else text, flaw)


def _decode_stream(file: io.BufferedIOBase, codec: str) -> Iterator[Line]:
    with io.TextIOWrapper(cast(io.BufferedReader, file), encoding=codec, newline="\n") as reader:
        number = 0
        while text := reader.readline(MAX_LINE_SIZE):
            number += 1
            yield Line(number, text.removeprefix("\ufeff") if number == 1 else text, None)


def _check_size(line: Line, path: Path) -> None:
    if len(line.text.encode(errors="surrogatepass")) >= MAX_LINE_SIZE:
        raise InputError(
            f"the line is longer than {MAX_LINE_SIZE >> 20} MiB", where=path, line=line.number, fix="one row a line"
        )


def _unpacked(file: io.BufferedReader) -> io.BufferedIOBase:
    magic = file.peek(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(file)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return io.BufferedReader(_ZstdStream(file), buffer_size=1 << 17)
    return file


class _ZstdStream(io.RawIOBase):
    """Zstandard frames, one after the other. zstandard's own reader ends without a word where a file was cut off."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            packed = self._frame.unused_data if self._frame.eof else b""
            packed = packed or self._file.read(1 << 14)
            if not packed:
                if not self._frame.eof:
                    raise zstandard.ZstdError("the last frame is not complete")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready = self._frame.decompress(packed)
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n
