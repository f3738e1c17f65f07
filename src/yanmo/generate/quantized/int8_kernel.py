"""Products of float rows with 8-bit weights as they are stored, compiled by numba; nothing but weights is rounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel_blocks import LANES, ROWS, STEP, add_step, compiled, over_blocks, sums
from .vector_code import AHEAD, SUMS, VectorCode, straight_line

__all__ = ["INT8_GROUPS", "multiply_int8"]

INT8_GROUPS = (8, 16)
"""Groups of lanes in a block and lanes in a group: those of a vector, whose codes of a step stand together."""
_GROUPS, _WIDE = INT8_GROUPS
_f32, _i64 = np.float32, np.int64


def _emit_step(code: VectorCode, total: Any, codes: Any, x: Any) -> None:
    """``total += x[0:STEP] @ codes`` for the outputs of a block."""
    lines = iter(range(AHEAD, AHEAD + STEP * LANES, 64))
    for first in range(0, _GROUPS, SUMS):
        groups = range(first, first + SUMS)
        held = [code.floats(total, 4 * _WIDE * g) for g in groups]
        for j in range(STEP):
            code.prefetch(codes, next(lines))
            xj = code.repeated(x, 4 * j)
            for i, g in enumerate(groups):
                held[i] = code.product_sum(xj, code.bytes_as_floats(codes, (g * STEP + j) * _WIDE), held[i])
        for g, value in zip(groups, held, strict=True):
            code.store(value, total, 4 * _WIDE * g)


_add_step = straight_line(_emit_step, lanes=_WIDE)


def _row(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    total = sums(LANES)
    n_steps = codes.shape[1]
    for i in range(first, last):
        total[:] = 0
        for s in range(n_steps):
            place = codes.ctypes.data + (i * n_steps + s) * STEP * LANES
            _add_step(_i64(total.ctypes.data), _i64(place), _i64(x.ctypes.data + 4 * STEP * s))
        for n in range(LANES):
            y[0, i * LANES + n] = total[n] * scales[i, n]


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
