"""Which waiting rows go into one batch: the one whose turn it is, and those nearest to it in length."""

from collections.abc import Sequence

__all__ = ["batch_by_length"]

# Rows further apart than this are cheaper in two batches than padded to one length.
_WIDEST = 1.5


def batch_by_length(lengths: Sequence[int], turn: int, *, max_tokens: int) -> list[int]:
    """Chooses the rows of a batch around the row whose turn it is.

    A run of the rows sorted by length: it holds ``turn``, grows towards the nearer neighbor, and ends where
    ``rows * longest`` would pass the budget or the longest row would be 1.5 times the shortest.

    Args:
        lengths: Tokens of every waiting row, oldest first.
        turn: Number of the row that must be in the batch.
        max_tokens: Largest number of rows times longest row; the row ``turn`` alone may have more.

    Returns:
        Row numbers, shortest first.

    Example:
        >>> batch_by_length([30, 8, 9, 10, 31], 2, max_tokens=30)
        [1, 2, 3]
        >>> batch_by_length([30, 8, 9, 10, 31], 0, max_tokens=64)
        [0, 4]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    low = order.index(turn)
    high = low + 1
    while True:
        shortest, longest, n = lengths[order[low]], lengths[order[high - 1]], high - low + 1
        below = lengths[order[low - 1]] if low else None
        above = lengths[order[high]] if high < len(order) else None
        if below is not None and (n * longest > max_tokens or longest > _WIDEST * below):
            below = None
        if above is not None and (n * above > max_tokens or above > _WIDEST * shortest):
            above = None
        if below is None and above is None:
            return order[low:high]
        if above is None or (below is not None and shortest - below <= above - longest):
            low -= 1
        else:
            high += 1
