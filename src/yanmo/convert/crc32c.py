"""The checksum CRC-32C of a long run of bytes, in numpy."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c", "masked_crc32c"]

# Castagnoli's polynomial with its bits reversed, as every implementation of the reflected form has it.
_POLYNOMIAL = 0x82F63B78
# A lane has 512 bytes, a chunk 8192 lanes: the fastest of the sizes tried, some 350 MB a second on one core.
_LANE_BITS, _CHUNK_BITS = 12, 25
# Below so many bytes a plain loop over them is quicker.
_SHORT = 2048
_LANE_WORDS, _CHUNK_BYTES = 1 << (_LANE_BITS - 5), 1 << (_CHUNK_BITS - 3)


def crc32c(data: bytes | NDArray[np.uint8]) -> int:
    """Computes the CRC-32C of some bytes.

    With the register at zero the checksum is linear over GF(2). So a chunk is cut into lanes of 512 bytes, all lanes
    are run side by side, and neighbors are joined by ``crc(ab) = S(crc(a)) + crc(b)``, where ``S`` pushes as many zero
    bytes as ``b`` has through the register. Zeros in front change nothing, so that the first chunk is filled with them.

    Args:
        data: The bytes.

    Returns:
        The checksum, 32 bits.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'

    Source: RFC 3720, appendix B.4.
    """
    given = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes) else data
    if len(given) < _SHORT:
        return _byte_by_byte(given)
    first = len(given) % _CHUNK_BYTES or _CHUNK_BYTES
    if first < 4:
        first += _CHUNK_BYTES
    # The register starts with all bits set, which is the same as inverting the first four bytes.
    head = np.concatenate([given[:4] ^ np.uint8(0xFF), given[4:first]])
    register = _of_chunk(head)
    for start in range(first, len(given), _CHUNK_BYTES):
        shifted = _apply(_pushed(_CHUNK_BITS), register)
        register = shifted ^ _of_chunk(given[start : start + _CHUNK_BYTES])
    return int(register[0]) ^ 0xFFFFFFFF


def masked_crc32c(data: bytes | NDArray[np.uint8]) -> int:
    """Computes the checksum as LevelDB and TensorFlow store it: rotated, plus a constant.

    Args:
        data: The bytes.

    Returns:
        The masked checksum, 32 bits.
    """
    plain = crc32c(data)
    return (((plain >> 15) | (plain << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _of_chunk(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Gives the checksum register after some bytes, started at zero; shape [1]."""
    n_lanes = -(-len(data) // (4 * _LANE_WORDS))
    padded = np.zeros(n_lanes * 4 * _LANE_WORDS, dtype=np.uint8)
    padded[len(padded) - len(data) :] = data
    words = np.ascontiguousarray(padded.view("<u4").reshape(n_lanes, _LANE_WORDS).T)
    low, high = _word_tables()
    register = np.zeros(n_lanes, dtype=np.uint32)
    for word in words:
        register ^= word
        register = low[register & np.uint32(0xFFFF)] ^ high[register >> np.uint32(16)]
    doublings = _LANE_BITS
    while len(register) > 1:
        if len(register) % 2:
            register = np.concatenate([np.zeros(1, dtype=np.uint32), register])
        register = _apply(_pushed(doublings), register[0::2]) ^ register[1::2]
        doublings += 1
    return register


def _byte_by_byte(data: NDArray[np.uint8]) -> int:
    register, table = 0xFFFFFFFF, _byte_table()
    for byte in data.tolist():
        register = (register >> 8) ^ table[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


def _apply(operator: NDArray[np.uint32], registers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Applies a linear map, given by the images of the 32 bits, to every register."""
    result = np.zeros_like(registers)
    for bit in range(32):
        result ^= ((registers >> np.uint32(bit)) & np.uint32(1)) * operator[bit]
    return result


@cache
def _pushed(doublings: int) -> NDArray[np.uint32]:
    """Gives the linear map of the register that ``2 ** doublings`` zero bits amount to."""
    if doublings == 0:
        return np.array([_POLYNOMIAL, *(1 << bit for bit in range(31))], dtype=np.uint32)
    half = _pushed(doublings - 1)
    return _apply(half, half)


@cache
def _word_tables() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Tables of the register after 32 zero bits, by its lower and by its upper 16 bits."""
    half = np.arange(1 << 16, dtype=np.uint32)
    return _apply(_pushed(5), half), _apply(_pushed(5), half << np.uint32(16))


@cache
def _byte_table() -> list[int]:
    """Table of the register after 8 zero bits, by its lowest 8 bits."""
    table: list[int] = _apply(_pushed(3), np.arange(256, dtype=np.uint32)).tolist()
    return table
