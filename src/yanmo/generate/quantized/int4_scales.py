"""Which scale rounds a group of weights to 4 bits with the least error: a search, compiled by numba."""

import numpy as np
from numpy.typing import NDArray

from .kernel_blocks import compiled

__all__ = ["choose_scales"]

_f32 = np.float32


def _choose(weights, tried, chosen):  # type: ignore[no-untyped-def]
    for i in range(weights.shape[0]):
        least, best = _f32(np.inf), _f32(0)
        for t in range(tried.shape[1]):
            scale = tried[i, t]
            if scale == 0:
                continue
            per_scale, error = _f32(1) / scale, _f32(0)
            for k in range(weights.shape[1]):
                code = min(max(np.rint(weights[i, k] * per_scale), _f32(-8)), _f32(7))
                difference = code * scale - weights[i, k]
                error += difference * difference
            if error < least:
                least, best = error, scale
        chosen[i] = best


_choose_compiled = compiled(_choose, sums_in_any_order=True)


def choose_scales(weights: NDArray[np.float32], tried: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives the scale with ``min sum_k (w_k - scale * code_k)^2``, the codes -8 to 7 being the nearest.

    Args:
        weights: Groups of weights [groups, group]; finite.
        tried: Scales to try [groups, trials]; those of zero are passed over.

    Returns:
        One scale for every group; zero where none but zeros were tried.

    Example:
        >>> choose_scales(np.array([[-8.0, 3.0]], np.float32), np.array([[0.9, 1.0, 1.1]], np.float32))
        array([1.], dtype=float32)
    """
    chosen = np.empty(len(weights), np.float32)
    _choose_compiled(weights, tried, chosen)
    return chosen
