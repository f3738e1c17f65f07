"""The bound on a one-dimensional tanh cell: ``|(1 - tanh(U h)^2) U| <= C / |h|`` for every ``U``."""

from decimal import Decimal, localcontext

import numpy as np

__all__ = ["TANH_BOUND", "offset_bound", "tanh_bound"]


def tanh_bound(*, digits: int = 30) -> Decimal:
    """Derives ``C = max_s s (1 - tanh(s)^2)``, ``s = U h``.

    The derivative ``(1 - tanh^2)(1 - 2 s tanh s)`` is zero where ``2 s tanh s = 1``, at one ``s > 0`` as the left side
    grows; there ``C = s - 1/(4 s)``. Newton's method in decimal arithmetic.

    Args:
        digits: Decimal digits of the result.

    Returns:
        ``C``.

    Example:
        >>> print(tanh_bound(digits=12))
        0.447743204694

    Source: kexue.fm/archives/7888, for the cell; the digits are ours.
    """
    with localcontext() as context:
        context.prec = digits + 10
        s = Decimal("0.7717")
        for _ in range(digits.bit_length() + 2):  # the digits double every round
            square = (2 * s).exp()
            tanh = (square - 1) / (square + 1)
            s -= (2 * s * tanh - 1) / (2 * tanh + 2 * s * (1 - tanh * tanh))
        bound = s - 1 / (4 * s)
        context.prec = digits
        return +bound


TANH_BOUND = float(tanh_bound())
"""``C`` in double precision."""


def offset_bound(offset: float) -> float:
    """Returns ``max_s |s| (1 - tanh(s + offset)^2)``, what becomes of ``C`` when input and bias add ``offset``.

    Args:
        offset: ``W x_t + b``.

    Returns:
        The maximum, by a fine grid: about ``|offset|`` when that is large, where input and recurrence cancel.

    Example:
        >>> abs(offset_bound(0.0) - TANH_BOUND) < 1e-7
        True
    """
    s = np.linspace(-abs(offset) - 5, abs(offset) + 5, 400_001)
    return float((np.abs(s) / np.cosh(s + offset) ** 2).max())
