import importlib

import numpy as np
import pytest

module = importlib.import_module("yanmo.convert.crc32c")  # the room may export the function under the same name


def bit_by_bit(data):
    """The remainder of polynomial division as the standard words it, on one growing integer."""
    register = 0xFFFFFFFF
    for byte in data:
        for i in range(8):
            bit = (register ^ (byte >> i)) & 1
            register = (register >> 1) ^ (0x82F63B78 * bit)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    # The examples of RFC 3720, appendix B.4.
    [(bytes(32), 0x8A9136AA), (bytes([0xFF] * 32), 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"", 0)],
)
def test_the_standard_s_examples(data, expected):
    assert module.crc32c(data) == expected


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 511, 2047, 2048, 2049, 2560, 2563, 5000])
def test_every_length_equals_long_division(n):
    data = np.random.default_rng(n).integers(0, 256, n, dtype=np.uint8)
    assert module.crc32c(data) == bit_by_bit(data.tolist())


@pytest.mark.parametrize("n", [8191, 8192, 8193, 8195, 8196, 16384, 20000])
def test_chunks_join_to_the_checksum_of_the_whole(monkeypatch, n):
    data = np.random.default_rng(n).integers(0, 256, n, dtype=np.uint8)
    whole = module.crc32c(data)
    monkeypatch.setattr(module, "_CHUNK_BITS", 16)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1 << 13)
    assert module.crc32c(data) == whole == bit_by_bit(data.tolist())
