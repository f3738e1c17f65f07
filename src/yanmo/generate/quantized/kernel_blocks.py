"""What the kernels of 8 and of 4 bits share: the order of stored weights, rows times floats, threads.

A block is ``LANES`` outputs of a matrix, a step ``STEP`` inputs of them. The codes of a step stand together, in the
order in which one row is multiplied by them, and a block's steps follow each other: memory is read straight through.
"""

import inspect
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import require_extra

__all__ = ["LANES", "ROWS", "STEP", "add_step", "compiled", "over_blocks", "sums"]

numba = require_extra("numba", extra="generate")

LANES = 128
"""Outputs of a block."""
STEP = 8
"""Inputs of a step."""
ROWS = 32
"""Rows that are summed up at a time: their sums stay in the first or second level cache."""

# Parts of the work for each thread.
_PARTS = 4


def compiled(function: Callable[..., Any], *, sums_in_any_order: bool = False) -> Callable[..., Any]:
    """Compiles a function on its first call; later processes take it from the cache on disk.

    Args:
        function: A function of arrays and numbers.
        sums_in_any_order: Sums may be reordered, so that several of their terms are computed at a time.

    Returns:
        The same, compiled; it runs without Python's lock.
    """
    # 'contract' allows a product and a sum in one instruction, and, unlike fast mathematics, NaN stays NaN.
    # numpy's errors: a division by zero is infinite; a check for it would keep loops from being vectors.
    # Type checks that a test run wraps around functions cannot be compiled.
    flags = {"contract", "reassoc"} if sums_in_any_order else {"contract"}
    compile_with = numba.njit(nogil=True, fastmath=flags, error_model="numpy", cache=True)
    dispatcher: Callable[..., Any] = compile_with(inspect.unwrap(function))
    return dispatcher


def _sums(n):  # type: ignore[no-untyped-def]
    # Begins at a multiple of 64 bytes: a vector that lies across two cache lines costs a quarter of the speed.
    room = np.empty(n + 16, np.float32)
    start = (-(room.ctypes.data // 4)) % 16
    return room[start : start + n]


def _add_step(total, x, weight, row0, n_rows, k):  # type: ignore[no-untyped-def]
    for r in range(n_rows):
        p = row0 + r
        x0, x1, x2, x3 = x[p, k], x[p, k + 1], x[p, k + 2], x[p, k + 3]
        x4, x5, x6, x7 = x[p, k + 4], x[p, k + 5], x[p, k + 6], x[p, k + 7]
        for n in range(LANES):
            total[r, n] = (
                total[r, n]
                + x0 * weight[0, n]
                + x1 * weight[1, n]
                + x2 * weight[2, n]
                + x3 * weight[3, n]
                + x4 * weight[4, n]
                + x5 * weight[5, n]
                + x6 * weight[6, n]
                + x7 * weight[7, n]
            )


sums = compiled(_sums)
"""Room for so many float32 numbers."""
add_step = compiled(_add_step)
"""``total[r] += x[row0 + r, k : k + STEP] @ weight`` for the first ``n_rows`` rows."""


def over_blocks(
    kernel: Callable[..., None], x: NDArray[Any], codes: NDArray[Any], scales: NDArray[Any]
) -> NDArray[np.float32]:
    """Runs a kernel over all blocks, on as many threads as torch uses.

    Args:
        kernel: Writes the products of the blocks ``first`` to ``last - 1``: ``(x, codes, scales, y, first, last)``.
        x: Rows [rows, inputs].
        codes: Weights, the blocks first.
        scales: Their scales, the blocks first.

    Returns:
        Products [rows, blocks * LANES].
    """
    n_blocks = len(codes)
    y = np.empty((len(x), n_blocks * LANES), np.float32)
    n_threads = min(torch.get_num_threads(), n_blocks)
    if n_threads == 1:
        kernel(x, codes, scales, y, 0, n_blocks)
        return y
    # More parts than threads, taken as each gets to them: a thread that another program holds up keeps nobody waiting.
    n_parts = min(_PARTS * n_threads, n_blocks)
    parts = iter(list(pairwise(n_blocks * i // n_parts for i in range(n_parts + 1))))

    def work() -> None:
        for first, last in parts:
            kernel(x, codes, scales, y, first, last)

    others = [_threads().submit(work) for _ in range(n_threads - 1)]
    work()
    for other in others:
        other.result()
    return y


@cache
def _threads() -> ThreadPoolExecutor:
    # Threads of Python rather than of OpenMP: several callers may compute at once, and the process may still fork.
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="yanmo-weights")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)
