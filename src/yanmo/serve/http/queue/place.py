"""A request's place in the queue: its rows, what is computed of them, and the results there are so far."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....tokenize import EncodedPair

if TYPE_CHECKING:
    from .batcher import Batcher

__all__ = ["Compute", "Place"]

Compute: TypeAlias = Callable[[Sequence[EncodedPair], Sequence[int]], NDArray[np.float32]]
"""Rows and the task of each to one result a row, float32[n, ...], in the given order and the same in any company."""


class Place:
    """A request's place in the queue, to be left at the end of a ``with`` block.

    Args:
        batcher: Whose queue it is.
        n_tokens: Tokens it takes up.
        due: When it should be done, by the monotonic clock.
        deadline: When nobody waits for it any more.
    """

    def __init__(self, batcher: "Batcher", n_tokens: int, *, due: float, deadline: float) -> None:
        self.batcher = batcher
        self.n_tokens = n_tokens
        self.due = due
        self.deadline = deadline
        self.rows: Sequence[EncodedPair] = ()
        self.tasks: Sequence[int] = ()
        self.compute: Compute | None = None
        self.waiting: list[int] = []
        self.n_unscored = 0
        self.future: Future[NDArray[np.float32]] = Future()
        self.has_left = False
        self._results: NDArray[np.float32] | None = None

    def __enter__(self) -> "Place":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.batcher.leave(self)

    def score(
        self, rows: Sequence[EncodedPair], tasks: Sequence[int], *, compute: Compute | None = None
    ) -> Future[NDArray[np.float32]]:
        """Hands the request's rows in, once.

        Args:
            rows: Encoded pairs.
            tasks: Task of each.
            compute: What is computed of them, only ever in one batch with rows of the same; None for their logits.

        Returns:
            Their results in order when they are there, float32[n, ...], of logits float32[n]; a ``QueueFullError`` if
            they cannot be in time.
        """
        self.batcher.enter(self, rows, tasks, compute)
        return self.future

    def take(self, row: int, result: np.float32 | NDArray[np.float32]) -> None:
        """Keeps the result of one of the rows; the scoring thread calls it.

        Args:
            row: Number of the row.
            result: What was computed of it, of one shape for all rows.
        """
        if self._results is None:
            self._results = np.empty((len(self.rows), *np.shape(result)), dtype=np.float32)
        self._results[row] = result
        self.n_unscored -= 1

    def finish(self) -> None:
        """Gives whoever waits the results, unless nobody does any more."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(np.empty(0, dtype=np.float32) if self._results is None else self._results)
