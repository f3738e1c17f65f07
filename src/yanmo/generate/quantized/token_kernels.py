"""The small steps of a GPT-2 layer for one token, compiled by numba: what stands between its products."""

import numpy as np

from .kernel_blocks import compiled

__all__ = ["add", "attend", "gelu", "normalize"]

_f32, _i32 = np.float32, np.int32
_LOG2_E, _LN2_HIGH, _LN2_LOW = _f32(1.44269504), _f32(0.693359375), _f32(-2.12194440e-4)
# Adding and subtracting it rounds to a whole number, which then stands in the lowest bits.
_ROUNDER = _f32(1.5 * 2**23)
_SQRT_2_PI = _f32(np.sqrt(2 / np.pi))


def _exp(x):  # type: ignore[no-untyped-def]
    # e^x = 2^n e^r with |r| <= ln 2 / 2, and e^r by its series: a loop over it computes several at once.
    x = _f32(-87) if x < _f32(-87) else x
    x = _f32(88) if x > _f32(88) else x
    shifted = _f32(x * _LOG2_E + _ROUNDER)
    n = shifted - _ROUNDER
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    series = _f32(1 / 5040) * r + _f32(1 / 720)
    series = series * r + _f32(1 / 120)
    series = series * r + _f32(1 / 24)
    series = series * r + _f32(1 / 6)
    series = series * r + _f32(1 / 2)
    series = (series * r + _f32(1)) * r + _f32(1)
    power = _i32(_i32(shifted.view(_i32) + _i32(127)) << 23)
    return series * power.view(_f32)


_exp_compiled = compiled(_exp)


def _normalize(x, gain, bias, epsilon, out):  # type: ignore[no-untyped-def]
    n = len(x)
    mean, variance = _f32(0), _f32(0)
    for i in range(n):
        mean += x[i]
    mean /= _f32(n)
    for i in range(n):
        variance += (x[i] - mean) * (x[i] - mean)
    scale = _f32(1 / np.sqrt(variance / _f32(n) + _f32(epsilon)))
    for i in range(n):
        out[i] = (x[i] - mean) * scale * gain[i] + bias[i]


def _add(x, y, bias):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        x[i] += y[i] + bias[i]


def _gelu(x, bias, out):  # type: ignore[no-untyped-def]
    for i in range(len(bias)):
        z = x[i] + bias[i]
        # (1 + tanh u) / 2 = 1 / (1 + e^(-2u))
        u = _SQRT_2_PI * (z + _f32(0.044715) * z * z * z)
        out[i] = z / (_f32(1) + _exp_compiled(_f32(-2) * u))


def _attend(projected, bias, keys, values, n, scaling, out):  # type: ignore[no-untyped-def]
    n_heads, _, width = keys.shape
    hidden = n_heads * width
    scores = np.empty(n, _f32)
    for i in range(3 * hidden):
        projected[i] += bias[i]
    for h in range(n_heads):
        here = h * width
        query, mixed = projected[here : here + width], out[here : here + width]
        keys[h, n - 1] = projected[hidden + here : hidden + here + width]
        values[h, n - 1] = projected[2 * hidden + here : 2 * hidden + here + width]
        largest, total = _f32(-np.inf), _f32(0)
        for t in range(n):
            key, score = keys[h, t], _f32(0)
            for d in range(width):
                score += query[d] * key[d]
            scores[t] = score * _f32(scaling)
            largest = max(largest, scores[t])
        for t in range(n):
            scores[t] = _exp_compiled(scores[t] - largest)
            total += scores[t]
        mixed[:] = 0
        for t in range(n):
            value, share = values[h, t], scores[t] / total
            for d in range(width):
                mixed[d] += share * value[d]


normalize = compiled(_normalize, sums_in_any_order=True)
"""``out = (x - mean x) / sqrt(var x + epsilon) * gain + bias``."""
add = compiled(_add)
"""``x += y + bias``."""
gelu = compiled(_gelu)
"""``out = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2`` of ``z = x + bias``, GPT-2's own form of GELU."""
attend = compiled(_attend, sums_in_any_order=True)
"""Attention of one token: ``out = softmax(scaling q K^T) V`` in every head.

``projected`` and ``bias`` hold query, key and value of all heads, one after the other; key and value are written as
number ``n - 1`` into ``keys`` and ``values`` [heads, room, head]. The first ``n`` of these count.
"""
