"""The minima of the even Taylor polynomials of exp, to any number of digits by exact arithmetic alone."""

import math
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["PUBLISHED_MINIMA", "ExactMinimum", "exact_minimum", "exact_polynomial", "significant"]

PUBLISHED_MINIMA = {
    2: ("-1", "0.5"),
    4: ("-1.59607", "0.270395"),
    6: ("-2.18061", "0.149325"),
    8: ("-2.759", "0.0832715"),
    10: ("-3.33355", "0.0466991"),
}
"""Place and value by order as kexue.fm/archives/7919 prints them, to six digits without trailing zeros."""


@dataclass(frozen=True, slots=True)
class ExactMinimum:
    """A minimum that is enclosed between two rational numbers.

    Attributes:
        order: The order ``n``.
        x: Place, 12 significant digits.
        value: ``f_n(x*)``, 12 significant digits.
        from_proof: ``x*^n / n!``, 12 significant digits.
        gap: Largest ``|f_n(x) - x^n / n!|`` at the two ends of the bracket; zero at ``x*`` itself.
        left: ``f_(n-1)`` is not positive here,
        right: and positive here.
    """

    order: int
    x: str
    value: str
    from_proof: str
    gap: float
    left: Fraction
    right: Fraction


def exact_polynomial(x: Fraction, order: int) -> Fraction:
    """The polynomial ``sum_(k <= order) x^k / k!`` of a rational number, without rounding.

    Args:
        x: Where.
        order: The order.

    Returns:
        The value.

    Example:
        >>> exact_polynomial(Fraction(-1), 4)
        Fraction(3, 8)
    """
    value = Fraction(1)
    for k in range(order, 0, -1):
        value = 1 + x * value / k
    return value


def exact_minimum(order: int, *, n_digits: int = 24) -> ExactMinimum:
    """Finds the minimum by bisection over the integers.

    ``f_n' = f_(n-1)`` rises everywhere, as its own derivative ``f_(n-2)`` is positive, so that it has one root; the
    integer ``m`` with ``f_(n-1)(-m / 10^D) > 0 >= f_(n-1)(-(m+1) / 10^D)`` holds it to ``D`` digits.

    Args:
        order: The order ``n``, even, from 2.
        n_digits: Decimal places of the bracket.

    Returns:
        The minimum.
    """
    unit = 10**n_digits
    low, high = 0, order * unit  # the root lies between -n, where pairs of terms of f_(n-1) are negative, and 0
    while high - low > 1:
        middle = (low + high) // 2
        if exact_polynomial(Fraction(-middle, unit), order - 1) > 0:
            low = middle
        else:
            high = middle
    left, right = Fraction(-high, unit), Fraction(-low, unit)
    gap = max(abs(exact_polynomial(x, order) - x**order / math.factorial(order)) for x in (left, right))
    return ExactMinimum(
        order=order,
        x=_agreed(left, right),
        value=_agreed(exact_polynomial(left, order), exact_polynomial(right, order)),
        from_proof=_agreed(left**order / math.factorial(order), right**order / math.factorial(order)),
        gap=float(gap),
        left=left,
        right=right,
    )


def significant(x: Fraction, n_digits: int) -> str:
    """Rounds to significant decimal digits without passing through a float.

    Args:
        x: Any rational number but zero.
        n_digits: How many digits.

    Returns:
        Plain decimal notation.

    Example:
        >>> significant(Fraction(-1, 3), 4), significant(Fraction(5, 2), 3)
        ('-0.3333', '2.50')
    """
    places = n_digits - 1
    while abs(x) * 10**places < 10 ** (n_digits - 1):
        places += 1
    while round(abs(x) * 10**places) >= 10**n_digits:
        places -= 1
    return f"{'-' if x < 0 else ''}{_decimal(round(abs(x) * 10**places), places)}"


def _decimal(digits: int, places: int) -> str:
    whole, part = divmod(digits, 10**places)
    return f"{whole}.{part:0{places}d}" if places else str(whole)


def _agreed(left: Fraction, right: Fraction) -> str:
    """The 12 digits that both ends of the bracket round to; two brackets in a row would disagree only by bad luck."""
    one, other = significant(left, 12), significant(right, 12)
    if one != other:
        raise ArithmeticError(f"the bracket leaves the last digit open: {one} or {other}")
    return one
