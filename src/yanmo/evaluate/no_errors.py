"""Intervals where resampling has nothing to vary: a sample without an error says little about the next one."""

__all__ = ["wilson_auc", "wilson_f1"]

# The square of the normal quantile that leaves 2.5 % above it.
_Z2 = 3.8414588


def wilson_f1(f1: float, n: int | float) -> tuple[float, float]:
    """Gives Wilson's 95 % interval of an F1 of 0 or 1.

    ``J = TP / (TP + FP + FN)`` is a share, and ``F1 = 2 J / (1 + J)`` rises with it. Of a share of 1 in n Wilson's
    interval begins at ``n / (n + z^2)``, of 0 in n it ends at ``z^2 / (n + z^2)``; the rule of three, ``1 - 3 / n``,
    says about the same.

    Args:
        f1: 0 or 1.
        n: ``TP + FP + FN``.

    Returns:
        Its ends; F1 itself on one side.

    Example:
        >>> low, high = wilson_f1(1.0, 40)
        >>> round(low, 3), high
        (0.954, 1.0)
    """
    share = n / (n + _Z2)
    return (2 * share / (1 + share), 1.0) if f1 == 1 else (0.0, 2 * (1 - share) / (2 - share))


def wilson_auc(auc: float, n: int | float) -> tuple[float, float]:
    """Gives Wilson's 95 % interval of an area of 0 or 1 under the ROC curve.

    The area is the share of a match's and a non-match's comparisons that come out right; they hang together, and are
    taken for no more than the examples of the rarer class.

    Args:
        auc: 0 or 1.
        n: Examples of the rarer class.

    Returns:
        Its ends.
    """
    share = n / (n + _Z2)
    return (share, 1.0) if auc == 1 else (0.0, 1 - share)
