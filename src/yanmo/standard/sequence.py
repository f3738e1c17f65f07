"""The fixed sequence in which a precision is tested: counts of accepted pairs, known before any label is looked at."""

from functools import lru_cache

from .binomial import binomial_tail

__all__ = ["first_size", "most_misses", "sequence_sizes"]

# The sequence begins where one miss is forgiven, unless these are more than this share of all pairs.
_FIRST_SHARE = 1 / 8


def sequence_sizes(n: int, *, level: float, risk: float) -> list[int]:
    """Lists the counts of accepted pairs that are tested: the least that forgive 1, 2, 3, ... misses.

    Args:
        n: Labelled pairs.
        level: The precision.
        risk: Of each test.

    Returns:
        Ascending counts, none above n. The first forgives one miss, or none where that takes too large a share.

    Example:
        >>> sequence_sizes(100, level=0.9, risk=0.05), sequence_sizes(400, level=0.9, risk=0.05)[:3]
        ([29, 46, 61, 76, 89], [46, 61, 76])
    """
    sizes: list[int] = []
    while (size := _least_size(len(sizes), sizes[-1] if sizes else 0, level, risk)) <= n:
        sizes.append(size)
    first = first_size(n, level=level, risk=risk)
    return [size for size in sizes if size >= first]


def first_size(n: int, *, level: float, risk: float) -> int:
    """Gives the first of ``sequence_sizes``; one above n means that so few pairs cannot promise anything."""
    none = _least_size(0, 0, level, risk)
    one = _least_size(1, none, level, risk)
    return one if one <= n * _FIRST_SHARE else none


@lru_cache(maxsize=1 << 14)
def most_misses(n: int, *, level: float, risk: float) -> int:
    """Gives the most misses among n with which a share of hits of at least ``level`` can still be promised.

    Args:
        n: Pairs counted.
        level: The share.
        risk: Chance that the promise is broken.

    Returns:
        The largest ``k`` with ``P(Bin(n, level) >= n - k) <= risk``; -1 where even none is too many.

    Example:
        >>> most_misses(28, level=0.9, risk=0.05), most_misses(29, level=0.9, risk=0.05)
        (-1, 0)
    """
    misses = -1
    while misses < n and _chance(n, misses + 1, level) <= risk:
        misses += 1
    return misses


@lru_cache(maxsize=1 << 14)
def _least_size(misses: int, above: int, level: float, risk: float) -> int:
    """The least count at which so many misses pass the test; the chance falls with the count, so it is halved in on."""
    low, step = max(above, misses), 1
    while _chance(low + step, misses, level) > risk:
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _chance(middle, misses, level) > risk else (low, middle)
    return high


def _chance(size: int, misses: int, level: float) -> float:
    return float(binomial_tail(size - misses, size, level))
