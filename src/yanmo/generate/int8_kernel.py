"""Products of float rows with 8-bit weights as they are stored, compiled by numba; nothing but weights is rounded."""

import numpy as np
from numpy.typing import NDArray

from .kernel_blocks import LANES, ROWS, STEP, add_step, compiled, over_blocks, sums

__all__ = ["INT8_GROUPS", "multiply_int8"]

INT8_GROUPS = (8, 16)
"""Lane groups of a block and lanes of a group: the width that gives the shortest inner loop."""
_GROUPS, _WIDE = INT8_GROUPS
_f32 = np.float32


def _row(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    total = sums(LANES).reshape(_GROUPS, _WIDE)
    for i in range(first, last):
        total[:] = 0
        for s in range(codes.shape[1]):
            k = s * STEP
            x0, x1, x2, x3 = x[0, k], x[0, k + 1], x[0, k + 2], x[0, k + 3]
            x4, x5, x6, x7 = x[0, k + 4], x[0, k + 5], x[0, k + 6], x[0, k + 7]
            for g in range(_GROUPS):
                for n in range(_WIDE):
                    total[g, n] = (
                        total[g, n]
                        + x0 * _f32(codes[i, s, g, 0, n])
                        + x1 * _f32(codes[i, s, g, 1, n])
                        + x2 * _f32(codes[i, s, g, 2, n])
                        + x3 * _f32(codes[i, s, g, 3, n])
                        + x4 * _f32(codes[i, s, g, 4, n])
                        + x5 * _f32(codes[i, s, g, 5, n])
                        + x6 * _f32(codes[i, s, g, 6, n])
                        + x7 * _f32(codes[i, s, g, 7, n])
                    )
        for g in range(_GROUPS):
            for n in range(_WIDE):
                y[0, i * LANES + g * _WIDE + n] = total[g, n] * scales[i, g * _WIDE + n]


def _rows(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    total = sums(ROWS * LANES).reshape(ROWS, LANES)
    weight = sums(STEP * LANES).reshape(STEP, LANES)
    flat = weight.reshape(STEP * LANES)
    # A step's codes are put in the order of their outputs in pieces of eight; loops over a group would be slower.
    pieces = codes.view(np.int64)
    ordered = np.empty((STEP, _GROUPS, _WIDE // 8), np.int64)
    step = ordered.reshape(STEP * LANES // 8).view(np.int8)
    for i in range(first, last):
        for row0 in range(0, x.shape[0], ROWS):
            n_rows = min(ROWS, x.shape[0] - row0)
            total[:] = 0
            for s in range(codes.shape[1]):
                for g in range(_GROUPS):
                    for j in range(STEP):
                        for piece in range(_WIDE // 8):
                            ordered[j, g, piece] = pieces[i, s, g, j, piece]
                for n in range(STEP * LANES):
                    flat[n] = _f32(step[n])
                add_step(total, x, weight, row0, n_rows, s * STEP)
            for r in range(n_rows):
                for n in range(LANES):
                    y[row0 + r, i * LANES + n] = total[r, n] * scales[i, n]


_row_compiled, _rows_compiled = compiled(_row), compiled(_rows)


def multiply_int8(x: NDArray[np.float32], codes: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiplies rows by 8-bit weights: ``y[r, o] = scale[o] * sum_k x[r, k] * code[o, k]``.

    Args:
        x: Rows [rows, inputs].
        codes: Weights -127 to 127, [blocks, inputs / STEP, groups, STEP, lanes] with ``INT8_GROUPS``.
        scales: One for every output, [blocks, LANES].

    Returns:
        Products [rows, blocks * LANES].

    Example:
        >>> codes = np.ones((1, 2, 8, 8, 16), np.int8)
        >>> multiply_int8(np.ones((1, 16), np.float32), codes, np.full((1, 128), 0.5, np.float32))[0, :2]
        array([8., 8.], dtype=float32)
    """
    return over_blocks(_row_compiled if len(x) == 1 else _rows_compiled, x, codes, scales)
