"""The check that every strength passes: a finite number, not below zero."""

import math

from ..errors import InputError

__all__ = ["check_strength"]


def check_strength(name: str, value: float) -> None:
    """Makes sure that a strength can be one.

    Args:
        name: What the caller calls it.
        value: What was given.

    Raises:
        InputError: It is negative, infinite or NaN.

    Example:
        >>> check_strength("epsilon", 0.5)
    """
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name} is {value}, a number from 0 up was expected", fix="0 turns the regularizer off")
