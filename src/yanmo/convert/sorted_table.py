"""Reads LevelDB's sorted table, the format of a TensorFlow checkpoint's index."""

import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .crc32c import masked_crc32c

__all__ = ["read_sorted_table", "read_varint"]

# At the very end: where the block of statistics and the block that lists all others lie, filled up, then the magic.
_FOOTER_SIZE, _MAGIC = 48, 0xDB4775248B80FB57


def read_sorted_table(path: Path) -> dict[bytes, bytes]:
    """Reads a whole table.

    Args:
        path: The file.

    Returns:
        Values by their keys, in the order of the keys.

    Raises:
        InputError: The file is missing, truncated, damaged, compressed, or no such table.
    """
    again = "the file is truncated or damaged; copy or download it again"
    try:
        table = path.read_bytes()
    except FileNotFoundError:
        raise InputError("the index file is missing", where=path, fix="copy it beside its .data file") from None
    if len(table) < _FOOTER_SIZE or struct.unpack("<Q", table[-8:])[0] != _MAGIC:
        raise InputError("does not end as the index of a TensorFlow checkpoint does", where=path, fix=again)
    footer = table[-_FOOTER_SIZE:]
    try:
        _, at = read_varint(footer, 0)  # the statistics' place and size, of no use here
        _, at = read_varint(footer, at)
        entries: dict[bytes, bytes] = {}
        for _, place in _block(table, footer[at:]):
            entries |= dict(_block(table, place))
    except _DamagedError as error:
        raise InputError(f"{error}", where=path, fix=again) from None
    except (IndexError, struct.error):
        raise InputError("a block is cut short", where=path, fix=again) from None
    return entries


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Reads an integer stored in groups of seven bits, the lowest first.

    Args:
        data: The bytes.
        at: Where it begins.

    Returns:
        The integer and the place after it.

    Raises:
        IndexError: It goes on beyond the end.

    Example:
        >>> read_varint(bytes([0xAC, 0x02]), 0)
        (300, 2)
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


class _DamagedError(Exception):
    """Says what is wrong with a damaged block."""


def _block(table: bytes, place: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's entries; a key is stored as the length it shares with the key before, and the rest."""
    offset, at = read_varint(place, 0)
    size, _ = read_varint(place, at)
    body, trailer = table[offset : offset + size], table[offset + size : offset + size + 5]
    if masked_crc32c(body + trailer[:1]) != struct.unpack("<xI", trailer)[0]:
        raise _DamagedError("a block does not fit its checksum")
    if trailer[0]:
        raise _DamagedError("a block is compressed, which TensorFlow's own writer never does")
    end = size - 4 * (struct.unpack("<I", body[-4:])[0] + 1)
    at, key = 0, b""
    while at < end:
        n_shared, at = read_varint(body, at)
        n_rest, at = read_varint(body, at)
        n_value, at = read_varint(body, at)
        key = key[:n_shared] + body[at : at + n_rest]
        at += n_rest
        yield key, body[at : at + n_value]
        at += n_value
