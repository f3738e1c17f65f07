"""Products of float rows with 4-bit weights as they are stored, compiled by numba; nothing but weights is rounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernel_blocks import LANES, ROWS, STEP, add_step, compiled, over_blocks, sums
from .vector_code import AHEAD, SUMS, VectorCode, straight_line

__all__ = ["multiply_int4"]

_WIDE = 16
_LAST = STEP - 1
_f32, _i32, _i64 = np.float32, np.int32, np.int64


def _emit_step(code: VectorCode, total: Any, codes: Any, x: Any) -> None:
    """``total += x[0:STEP] @ codes`` for the outputs of a block; ``x`` is divided by the places of the codes."""
    lines = iter(range(AHEAD, AHEAD + 4 * LANES, 64))
    for first in range(0, LANES, SUMS * _WIDE):
        lanes = range(first, first + SUMS * _WIDE, _WIDE)
        held = [code.floats(total, 4 * lane) for lane in lanes]
        words = [code.words(codes, 4 * lane) for lane in lanes]
        for j in range(STEP):
            if j % 2:
                code.prefetch(codes, next(lines))
            xj = code.repeated(x, 4 * j)
            for i, word in enumerate(words):
                held[i] = code.product_sum(xj, code.bits_as_floats(word, first=4 * j, n=4), held[i])
        for lane, value in zip(lanes, held, strict=True):
            code.store(value, total, 4 * lane)


_add_step = straight_line(_emit_step, lanes=_WIDE)


def _unpacked(scale):  # type: ignore[no-untyped-def]
    return _i32(_i32(scale) << 16).view(_f32)


_float_of = compiled(_unpacked)


def _row(x, codes, scales, y, first, last):  # type: ignore[no-untyped-def]
    n_steps, n_groups = codes.shape[1], scales.shape[1]
    steps = n_steps // n_groups
    total, group = sums(LANES), sums(LANES)
    # A code of a word is read where it stands, as 16**j times itself, except for the last: j powers of 16 are taken off
    # the inputs. The codes 0 to 15 stand for -8 to 7: eight times the sum of a group's inputs is taken off.
    placed, offset = np.empty(n_steps * STEP, _f32), np.empty(n_groups, _f32)
    for j in range(n_groups):
        inputs = _f32(0)
        for s in range(j * steps, (j + 1) * steps):
            place = _f32(1)
            for k in range(s * STEP, s * STEP + _LAST):
                inputs += x[0, k]
                placed[k] = x[0, k] * place
                place *= _f32(1 / 16)
            placed[s * STEP + _LAST] = x[0, s * STEP + _LAST]
            inputs += x[0, s * STEP + _LAST]
        offset[j] = _f32(-8) * inputs
    for i in range(first, last):
        total[:] = 0
        for j in range(n_groups):
            group[:] = offset[j]
            for s in range(j * steps, (j + 1) * steps):
                words = codes.ctypes.data + (i * n_steps + s) * 4 * LANES
                _add_step(_i64(group.ctypes.data), _i64(words), _i64(placed.ctypes.data + 4 * STEP * s))
            scale = scales[i, j]
            for n in range(LANES):
                total[n] += group[n] * _float_of(scale[n])
        for n in range(LANES):
            y[0, i * LANES + n] = total[n]


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
                words = codes[i, s]
                for j in range(STEP):
                    row, shift = weight[j], _i32(4 * j)
                    for n in range(LANES):
                        row[n] = (_f32(_i32((words[n] >> shift) & _i32(15))) - _f32(8)) * scale[n]
                add_step(total, x, weight, row0, n_rows, s * STEP)
            for r in range(n_rows):
                for n in range(LANES):
                    y[row0 + r, i * LANES + n] = total[r, n]


_row_compiled, _rows_compiled = compiled(_row), compiled(_rows)


def multiply_int4(x: NDArray[np.float32], codes: NDArray[np.int32], scales: NDArray[np.int16]) -> NDArray[np.float32]:
    """Multiplies rows by 4-bit weights: ``y[r, o] = sum_k x[r, k] * scale[o, group of k] * (code[o, k] - 8)``.

    Args:
        x: Rows [rows, inputs].
        codes: A step's weights of one output in a word, the first in its lowest bits, [blocks, inputs / STEP, LANES].
        scales: The bits of bfloat16 numbers, [blocks, weight groups, LANES]; the groups divide the steps evenly.

    Returns:
        Products [rows, blocks * LANES].

    Example:
        >>> one = np.full((1, 1, 128), 0x3F80, np.int16)
        >>> multiply_int4(np.ones((1, 8), np.float32), np.full((1, 1, 128), 0x1A9A9A9A, np.int32), one)[0, :2]
        array([4., 4.], dtype=float32)
    """
    return over_blocks(_row_compiled if len(x) == 1 else _rows_compiled, x, codes, scales)
