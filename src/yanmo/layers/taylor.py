"""The Taylor polynomials of exp as products of positive factors: value, logarithm, derivative, minimum."""

import math
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = [
    "MAX_ORDER",
    "TaylorMinimum",
    "check_even",
    "log_taylor_polynomial",
    "taylor_derivative",
    "taylor_minimum",
    "taylor_polynomial",
]

MAX_ORDER = 32
"""Highest order; up to here the roots below are right to the last bit."""


class TaylorMinimum(NamedTuple):
    """Where a polynomial of even order is smallest."""

    x: float
    """The place ``x*``, negative."""
    value: float
    """``f_n(x*) = x*^n / n!``, positive."""


def taylor_polynomial(x: Float[Tensor, "*shape"], *, order: int) -> Float[Tensor, "*shape"]:
    """The polynomial ``f_n(x) = sum_(k <= n) x^k / k!``, elementwise.

    ``f_n(x) = prod_j ((x - a_j)^2 + b_j^2) / (a_j^2 + b_j^2)`` over its pairs of roots ``a_j ± i b_j``, and a factor
    ``1 - x / r`` for the one real root of an odd order. The sum cancels where x is negative; the factors of an even
    order are positive and nothing cancels.

    Args:
        x: Any shape; half precision is computed in float32.
        order: The order ``n``, 0 to ``MAX_ORDER``.

    Returns:
        ``f_n(x)`` in the shape and dtype of ``x``; infinite only where the dtype cannot hold it.

    Raises:
        InputError: The order is out of range.

    Example:
        >>> taylor_polynomial(torch.tensor([-1.0, 0.0, 2.0]), order=2)
        tensor([0.5000, 1.0000, 5.0000])

    Source: kexue.fm/archives/7919. Its logarithm, which never overflows, is ``log_taylor_polynomial``.
    """
    wide = _widen(x)
    value = torch.ones_like(wide)
    for a, b in _roots(order):
        value = value * (1 - wide / a if b == 0 else ((wide - a).square() + b * b) / (a * a + b * b))
    return value.to(x.dtype)


def log_taylor_polynomial(x: Float[Tensor, "*shape"], *, order: int) -> Float[Tensor, "*shape"]:
    """``log f_n(x)`` for even ``n``, elementwise; its gradient ``f_(n-1) / f_n`` is bounded everywhere.

    Args:
        x: Any shape; half precision is computed in float32.
        order: The order ``n``, even, 0 to ``MAX_ORDER``.

    Returns:
        The logarithm in the shape and dtype of ``x``; finite for ``|x|`` up to 1e4 in every dtype.

    Raises:
        InputError: The order is odd, where the polynomial has a zero and no logarithm, or out of range.

    Example:
        >>> log_taylor_polynomial(torch.tensor([0.0, 1e4]), order=2)
        tensor([ 0.0000, 17.7277])
    """
    check_even(order)
    wide = _widen(x)
    log = torch.zeros_like(wide)
    for a, b in _roots(order):
        log = log + (((wide - a).square() + b * b) / (a * a + b * b)).log()
    return log.to(x.dtype)


def taylor_derivative(x: Float[Tensor, "*shape"], *, order: int) -> Float[Tensor, "*shape"]:
    """The derivative of ``f_n``, which is the polynomial one order lower: ``f_n' = f_(n-1)``.

    Args:
        x: Any shape.
        order: The order ``n`` of the polynomial that is derived, 0 to ``MAX_ORDER``.

    Returns:
        ``f_n'(x)`` in the shape and dtype of ``x``.

    Raises:
        InputError: The order is out of range.
    """
    return torch.zeros_like(x) if order == 0 else taylor_polynomial(x, order=order - 1)


@cache
def taylor_minimum(order: int) -> TaylorMinimum:
    """The one minimum of an even order.

    There ``0 = f_n'(x*) = f_(n-1)(x*)``, so that ``f_n(x*) = f_(n-1)(x*) + x*^n / n! = x*^n / n!``: an even power, and
    positive. This is the article's proof that the even polynomials are positive.

    Args:
        order: The order ``n``, even, 2 to ``MAX_ORDER``.

    Returns:
        Place and value, right to double precision.

    Raises:
        InputError: The order is odd, which has no minimum, or out of range.

    Example:
        >>> taylor_minimum(2)
        TaylorMinimum(x=-1.0, value=0.5)

    Source: kexue.fm/archives/7919.
    """
    check_even(order)
    if order == 0:
        raise InputError("order 0 is a constant and has no minimum", fix="take an even order from 2")
    x = next(a for a, b in _roots(order - 1) if b == 0)
    return TaylorMinimum(x, float(Fraction(x) ** order / math.factorial(order)))


def check_even(order: int) -> None:
    """Refuses an order whose polynomial is not positive.

    Args:
        order: The order.

    Raises:
        InputError: It is no whole number, odd, or out of range.
    """
    if not isinstance(order, int):
        raise InputError(f"the order is {order!r}, expected a whole number", fix="take 2, 4 or 6")
    if order % 2 or not 0 <= order <= MAX_ORDER:
        odd = "; the polynomials of odd order are negative somewhere" if order % 2 else ""
        raise InputError(f"the order is {order}, expected an even one from 0 to {MAX_ORDER}{odd}", fix="take 2, 4 or 6")


@cache
def _roots(order: int) -> tuple[tuple[float, float], ...]:
    """Roots ``a + ib`` with ``b >= 0``, right to the last bit.

    Those of the companion matrix lose digits with the order; Newton's step ``f / f'`` with ``f`` in exact arithmetic
    gives them back. Near a root ``f' = f - z^n / n!`` is ``-z^n / n!``.
    """
    if not 0 <= order <= MAX_ORDER:
        raise InputError(f"the order is {order}, expected one from 0 to {MAX_ORDER}", fix="take a lower one")
    found = []
    for start in np.roots([1 / math.factorial(k) for k in range(order, -1, -1)]):
        z = complex(start)
        if z.imag >= 0:
            for _ in range(3):
                z += _exact_value(z, order) * math.factorial(order) / z**order
            found.append((z.real, z.imag))
    return tuple(sorted(found))


def _exact_value(z: complex, order: int) -> complex:
    """Horner's rule over the rational numbers that a float's real and imaginary part are."""
    x, y = Fraction(z.real), Fraction(z.imag)
    real, imag = Fraction(1), Fraction(0)
    for k in range(order, 0, -1):
        real, imag = 1 + (x * real - y * imag) / k, (x * imag + y * real) / k
    return complex(float(real), float(imag))


def _widen(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return x.to(torch.promote_types(x.dtype, torch.float32))
