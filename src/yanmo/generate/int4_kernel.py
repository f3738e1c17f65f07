"""Products of float rows with 4-bit weights as they are stored, compiled by numba; nothing but weights is rounded."""

import numpy as np
from numpy.typing import NDArray

from .kernel_blocks import LANES, ROWS, STEP, add_step, compiled, over_blocks, sums

__all__ = ["INT4_GROUPS", "multiply_int4"]

INT4_GROUPS = (4, 32)
"""Lane groups of a block and lanes of a group: the width that gives the shortest inner loop."""
_GROUPS, _WIDE = INT4_GROUPS
_f32, _u8, _i32 = np.float32, np.uint8, np.int32


def _unpacked(scale):  # type: ignore[no-untyped-def]
    return _i32(_i32(scale) << 16).view(_f32)


_float_of = compiled(_unpacked)


def _row(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    n_groups = scales.shape[1]
    steps = codes.shape[1] // n_groups
    total = sums(LANES).reshape(_GROUPS, _WIDE)
    group = sums(LANES).reshape(_GROUPS, _WIDE)
    # The codes 0 to 15 stand for -8 to 7: eight times the sum of a group's inputs is taken off.
    offset = np.empty(n_groups, _f32)
    for j in range(n_groups):
        inputs = _f32(0)
        for k in range(j * steps * STEP, (j + 1) * steps * STEP):
            inputs += x[0, k]
        offset[j] = _f32(-8) * inputs
    for i in range(first, last):
        total[:] = 0
        for j in range(n_groups):
            group[:] = offset[j]
            for s in range(j * steps, (j + 1) * steps):
                k = s * STEP
                x0, x1, x2, x3 = x[0, k], x[0, k + 1], x[0, k + 2], x[0, k + 3]
                x4, x5, x6, x7 = x[0, k + 4], x[0, k + 5], x[0, k + 6], x[0, k + 7]
                for g in range(_GROUPS):
                    for n in range(_WIDE):
                        c0, c1 = codes[i, s, g, 0, n], codes[i, s, g, 1, n]
                        c2, c3 = codes[i, s, g, 2, n], codes[i, s, g, 3, n]
                        group[g, n] = (
                            group[g, n]
                            + x0 * _f32(_u8(c0 & 15))
                            + x1 * _f32(_u8(c0 >> 4))
                            + x2 * _f32(_u8(c1 & 15))
                            + x3 * _f32(_u8(c1 >> 4))
                            + x4 * _f32(_u8(c2 & 15))
                            + x5 * _f32(_u8(c2 >> 4))
                            + x6 * _f32(_u8(c3 & 15))
                            + x7 * _f32(_u8(c3 >> 4))
                        )
            for g in range(_GROUPS):
                for n in range(_WIDE):
                    total[g, n] += group[g, n] * _float_of(scales[i, j, g * _WIDE + n])
        for g in range(_GROUPS):
            for n in range(_WIDE):
                y[0, i * LANES + g * _WIDE + n] = total[g, n]


def _rows(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    steps = codes.shape[1] // scales.shape[1]
    total = sums(ROWS * LANES).reshape(ROWS, LANES)
    weight = sums(STEP * LANES).reshape(STEP, LANES)
    scale = sums(LANES)
    for i in range(first, last):
        for row0 in range(0, x.shape[0], ROWS):
            n_rows = min(ROWS, x.shape[0] - row0)
            total[:] = 0
            for s in range(codes.shape[1]):
                if s % steps == 0:
                    for n in range(LANES):
                        scale[n] = _float_of(scales[i, s // steps, n])
                for g in range(_GROUPS):
                    for j in range(STEP // 2):
                        for n in range(_WIDE):
                            code, lane = codes[i, s, g, j, n], g * _WIDE + n
                            weight[2 * j, lane] = (_f32(_u8(code & 15)) - _f32(8)) * scale[lane]
                            weight[2 * j + 1, lane] = (_f32(_u8(code >> 4)) - _f32(8)) * scale[lane]
                add_step(total, x, weight, row0, n_rows, s * STEP)
            for r in range(n_rows):
                for n in range(LANES):
                    y[row0 + r, i * LANES + n] = total[r, n]


_row_compiled, _rows_compiled = compiled(_row), compiled(_rows)


def multiply_int4(x: NDArray[np.float32], codes: NDArray[np.uint8], scales: NDArray[np.int16]) -> NDArray[np.float32]:
    """Multiplies rows by 4-bit weights: ``y[r, o] = sum_k x[r, k] * scale[o, group of k] * (code[o, k] - 8)``.

    Args:
        x: Rows [rows, inputs].
        codes: Two weights of one output in a byte, the first in the low half,
            [blocks, inputs / STEP, groups, STEP / 2, lanes] with ``INT4_GROUPS``.
        scales: The bits of bfloat16 numbers, [blocks, weight groups, LANES]; the groups divide the steps evenly.

    Returns:
        Products [rows, blocks * LANES].

    Example:
        >>> one = np.full((1, 1, 128), 0x3F80, np.int16)
        >>> multiply_int4(np.ones((1, 8), np.float32), np.full((1, 1, 4, 4, 32), 0x9A, np.uint8), one)[0, :2]
        array([12., 12.], dtype=float32)
    """
    return over_blocks(_row_compiled if len(x) == 1 else _rows_compiled, x, codes, scales)
