"""Time and memory of attention against length: softmax, Taylor order 2, and its linear forms."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch

from ...layers import (
    AttentionKernel,
    CausalLinearTaylorAttention,
    LinearTaylorAttention,
    PlainAttention,
    TaylorAttention,
)
from .peak_memory import peak_bytes

__all__ = ["KERNELS", "break_even", "growth_exponent", "measure_costs"]

KERNELS: dict[str, AttentionKernel] = {
    "softmax": PlainAttention(),
    "taylor2": TaylorAttention(2),
    "linear_taylor": LinearTaylorAttention(),
    "causal_linear_taylor": CausalLinearTaylorAttention(),
}
"""What is compared, by the name in the JSON; softmax is torch's fused scaled dot-product attention."""

_N_HEADS = 4
_LONGEST_QUADRATIC = 4096  # beyond it the weights of four heads alone take more than a gigabyte


def measure_costs(
    lengths: Sequence[int], *, head_width: int, is_training: bool, n_repeats: int, on_length: Callable[[], None]
) -> dict[str, dict[str, list[float | int | None]]]:
    """Measures every kernel at every length, on one row of four heads, one thread, float32.

    Time is that of the processor, not of the clock, and the least of the repeats: other work on the machine counts
    only as far as it spoils the caches.

    Args:
        lengths: Tokens.
        head_width: Components of one head.
        is_training: Whether the gradient is computed too.
        n_repeats: Each kernel runs so often after one run to warm up; the repeats of all kernels take turns.
        on_length: Called after each length.

    Returns:
        For every kernel ``seconds`` and ``bytes`` (the peak of the tensors made), one a length; None where a kernel
        was left out for its memory.
    """
    found: dict[str, dict[str, list[float | int | None]]] = {name: {"seconds": [], "bytes": []} for name in KERNELS}
    with _one_thread():
        for length in lengths:
            generator = torch.Generator().manual_seed(length)
            query, key, value = (
                torch.randn(1, _N_HEADS, length, head_width, generator=generator, requires_grad=is_training)
                for _ in range(3)
            )
            positions = torch.arange(length)[None]

            def run(kernel: AttentionKernel) -> None:
                context = kernel(query, key, value, position_ids=positions, allowed=None)  # noqa: B023 - run at once
                if is_training:
                    torch.autograd.grad(context.sum(), (query, key, value))  # noqa: B023

            feasible = {
                name: kernel for name, kernel in KERNELS.items() if name != "taylor2" or length <= _LONGEST_QUADRATIC
            }
            with torch.set_grad_enabled(is_training):
                peaks = {name: peak_bytes(partial(run, kernel)) for name, kernel in feasible.items()}
                seconds = {name: float("inf") for name in feasible}
                for _ in range(n_repeats):
                    for name, kernel in feasible.items():
                        began = time.process_time()
                        run(kernel)
                        seconds[name] = min(seconds[name], time.process_time() - began)
            for name in KERNELS:
                found[name]["seconds"].append(seconds.get(name))
                found[name]["bytes"].append(peaks.get(name))
            on_length()
    return found


def growth_exponent(lengths: Sequence[int], costs: Sequence[float | int | None], *, shortest: int) -> float | None:
    """The slope of ``log cost`` over ``log length`` by least squares: 1 for linear, 2 for quadratic.

    Args:
        lengths: Tokens.
        costs: One a length; None where nothing was measured.
        shortest: Lengths below it are left out.

    Returns:
        The slope; None if fewer than two lengths are left.

    Example:
        >>> round(growth_exponent([1024, 2048, 4096], [9.0, 2.0, 8.0], shortest=2048), 6)
        2.0
    """
    kept = [(n, cost) for n, cost in zip(lengths, costs, strict=True) if n >= shortest and cost]
    if len(kept) < 2:
        return None
    x, y = np.log(np.array(kept, dtype=np.float64)).T
    return float(np.polyfit(x, y, 1)[0])


def break_even(
    lengths: Sequence[int], ours: Sequence[float | int | None], theirs: Sequence[float | int | None]
) -> float | None:
    """The length from which ``ours`` is cheaper to the end, between two lengths by a straight line in logarithms.

    Args:
        lengths: Tokens, rising.
        ours: Cost at each.
        theirs: Cost at each.

    Returns:
        The length; the first one if ours is always cheaper, None if ours is dearer at the last.

    Example:
        >>> round(break_even([1000, 4000], [2.0, 8.0], [1.0, 16.0]))
        2000
    """
    kept = [(n, np.log(a / b)) for n, a, b in zip(lengths, ours, theirs, strict=True) if a and b]
    if not kept or kept[-1][1] > 0:
        return None
    for (n0, r0), (n1, r1) in zip(reversed(kept[:-1]), reversed(kept[1:]), strict=True):
        if r0 > 0:
            return float(np.exp(np.log(n0) + (np.log(n1) - np.log(n0)) * r0 / (r0 - r1)))
    return float(kept[0][0])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limits torch to one thread, because processor time adds up over threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
