"""Texts to rows in side threads: slice by slice, so that requests take turns, and no more of a text than is read."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ....match import Matcher
from ....match.engines.pair_rows import PairRows
from ....tokenize import PairBudget, PairWindows
from .readable import of_whole_texts, readable_part

__all__ = ["TextEncoding"]

_Result = TypeVar("_Result")

# Characters of a slice: a tenth of a second, or a little more.
_SLICE = 1 << 15


class TextEncoding:
    """Encodes the pairs, and the texts that stand alone, of many requests.

    Args:
        matcher: Encodes.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        # Two, so that a slice of long texts does not keep short ones from being encoded.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="yanmo-encoding")

    async def rows(self, pairs: Sequence[tuple[str, str]], tasks: Sequence[str]) -> PairRows:
        """Encodes the pairs of one request; the next slice of it waits behind those of other requests.

        Args:
            pairs: The texts, at least one pair.
            tasks: Names of tasks, at least one.

        Returns:
            The rows; what is left out of very long texts is estimated.
        """
        task_set = self.matcher.matching.task_set
        n_tokens = max(task_set.task(task).pair_budget.reach for task in tasks)
        loop = asyncio.get_running_loop()
        encoded = [
            await loop.run_in_executor(self._threads, self._encode, whole, tasks, n_tokens) for whole in _slices(pairs)
        ]
        read = [windows for each in encoded for windows in each.pairs]
        return PairRows(pairs, read, encoded[0].task_indices, encoded[0].pools, encoded[0].normalization)

    async def aside(self, work: Callable[[], _Result]) -> _Result:
        """Does other work on a request's texts in a side thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def alone(self, texts: Sequence[str], budget: PairBudget) -> list[PairWindows]:
        """Encodes the texts of one request, each beside an empty one; takes turns as ``rows`` does.

        Args:
            texts: The texts, at least one.
            budget: How a pair is read, in one window.

        Returns:
            One window of each; what is left out of very long texts is estimated.
        """
        loop = asyncio.get_running_loop()
        slices = _slices([(text, "") for text in texts])
        encoded = [await loop.run_in_executor(self._threads, self._encode_alone, whole, budget) for whole in slices]
        return [windows for each in encoded for windows in each]

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown()

    def _encode_alone(self, pairs: Sequence[tuple[str, str]], budget: PairBudget) -> list[PairWindows]:
        parts = [(readable_part(text, n_tokens=budget.reach), nothing) for text, nothing in pairs]
        encoded = self.matcher.pair_encoder.encode_windows(parts, budgets=budget)
        return [of_whole_texts(*each) for each in zip(encoded, pairs, parts, strict=True)]

    def _encode(self, pairs: Sequence[tuple[str, str]], tasks: Sequence[str], n_tokens: int) -> PairRows:
        parts = [(readable_part(a, n_tokens=n_tokens), readable_part(b, n_tokens=n_tokens)) for a, b in pairs]
        encoded = self.matcher.rows(parts, tasks=tasks)
        read = [
            [of_whole_texts(windows, whole, part) for windows in each]
            for each, whole, part in zip(encoded.pairs, pairs, parts, strict=True)
        ]
        return PairRows(pairs, read, encoded.task_indices, encoded.pools, encoded.normalization)


def _slices(pairs: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    start, size = 0, 0
    for i, (a, b) in enumerate(pairs):
        size += len(a) + len(b)
        if size >= _SLICE or i == len(pairs) - 1:
            yield pairs[start : i + 1]
            start, size = i + 1, 0
