"""Keys and values of the tokens computed last, so that what the next prompt shares with them is not computed again."""

from collections.abc import Sequence

from transformers import DynamicCache

__all__ = ["PrefixCache", "common_length"]


def common_length(rows: Sequence[Sequence[int]]) -> int:
    """Counts the tokens at the beginning of some rows that are the same in all of them.

    Args:
        rows: Token ids, at least one row.

    Returns:
        The number.

    Example:
        >>> common_length([[1, 2, 3], [1, 2, 4, 5]]), common_length([[7, 8]])
        (2, 2)
    """
    # In lexicographic order all others lie between these two.
    first, last = min(map(list, rows)), max(map(list, rows))
    for n, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return n
    return min(len(first), len(last))


class PrefixCache:
    """One row of keys and values with the tokens they belong to.

    It is emptied while in use: a run that breaks off leaves nothing half filled behind.
    """

    def __init__(self) -> None:
        self._token_ids: list[int] = []
        self._cache = DynamicCache()

    def take(self, token_ids: Sequence[int]) -> DynamicCache:
        """Gives away the keys and values of the longest known beginning of a prompt.

        Args:
            token_ids: The prompt.

        Returns:
            A cache of some of its first tokens, never of its last one, whose logits are still wanted.
        """
        n = min(common_length([self._token_ids, list(token_ids)]), len(token_ids) - 1)
        cache, known = self._cache, len(self._token_ids)
        self._token_ids, self._cache = [], DynamicCache()
        if n <= 0:
            return DynamicCache()
        if known > n:
            cache.crop(n - known)
        return cache

    def keep(self, cache: DynamicCache, token_ids: Sequence[int]) -> None:
        """Stores keys and values for the next prompt.

        Args:
            cache: Keys and values of the first of the tokens, however many it holds.
            token_ids: The tokens, at least as many.
        """
        self._token_ids, self._cache = list(token_ids[: cache.get_seq_length()]), cache
