"""Writes protobuf messages byte by byte: ONNX's graphs are such, and the package onnx is no part of the core."""

from collections.abc import Iterable

__all__ = ["message"]


def message(fields: Iterable[tuple[int, int | str | bytes]]) -> bytes:
    r"""Writes the fields of a message by their numbers.

    Args:
        fields: Number and value: whole numbers as such, texts and messages with their length before them.

    Returns:
        The bytes.

    Example:
        >>> message([(1, 150), (2, "testing")])
        b'\x08\x96\x01\x12\x07testing'

    Source: protobuf.dev/programming-guides/encoding.
    """
    written = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << 3) + _varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            written += _varint(number << 3 | 2) + _varint(len(content)) + content
    return bytes(written)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
