"""Scoring for many requests at once: a bounded queue of rows, and one thread that scores them batch by batch.

A row is an encoded pair under a task. A request first gets a place in the queue, then hands its rows in; when it
leaves, what has not been scored is dropped. Requests take turns: a batch is built around the oldest row of the request
whose turn it is, so that a large one cannot hold up the others.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ...errors import YanmoError
from ...match import Engine
from ...tokenize import EncodedPair
from .length_window import length_window

__all__ = ["BatchReport", "Batcher", "Place", "QueueFullError"]

# Share of the newest batch in the running rate.
_NEWEST = 0.2


@dataclass(frozen=True)
class BatchReport:
    """What one batch was.

    Attributes:
        n_rows: Its rows.
        n_tokens: Tokens of its rows, without padding.
        seconds: Time it took.
    """

    n_rows: int
    n_tokens: int
    seconds: float


class QueueFullError(YanmoError):
    """There is no room for a request now.

    Args:
        seconds: When there should be, by the rate measured so far.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full. Fix: try again in {seconds} s.")
        self.seconds = seconds


class Place:
    """A request's place in the queue, to be left at the end of a ``with`` block.

    Args:
        batcher: Whose queue it is.
        n_tokens: Tokens it takes up.
    """

    def __init__(self, batcher: "Batcher", n_tokens: int) -> None:
        self.batcher = batcher
        self.n_tokens = n_tokens
        self.rows: Sequence[EncodedPair] = ()
        self.tasks: Sequence[int] = ()
        self.waiting: list[int] = []
        self.n_unscored = 0
        self.logits = np.empty(0, dtype=np.float32)
        self.future: Future[NDArray[np.float32]] = Future()
        self.has_left = False

    def __enter__(self) -> "Place":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.batcher.leave(self)

    def score(self, rows: Sequence[EncodedPair], tasks: Sequence[int]) -> Future[NDArray[np.float32]]:
        """Hands the request's rows in, once.

        Args:
            rows: Encoded pairs.
            tasks: Task of each.

        Returns:
            Their logits in order, float32[n], when they are scored.
        """
        self.batcher.enter(self, rows, tasks)
        return self.future


class Batcher:
    """Scores rows of many requests together, in a thread of its own.

    Args:
        engine: Encoded pairs to logits.
        max_batch_tokens: Largest number of rows times longest row of a batch.
        max_queue_tokens: Tokens admitted and not yet scored, at most.
        max_wait: Seconds; who would have to wait longer, by the rate measured so far, finds the queue full.
        on_batch: Told of every batch, from the scoring thread.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        max_batch_tokens: int,
        max_queue_tokens: int,
        max_wait: float = math.inf,
        on_batch: Callable[[BatchReport], None] = lambda _report: None,
    ) -> None:
        self.engine = engine
        self.max_batch_tokens = max_batch_tokens
        self.max_queue_tokens = max_queue_tokens
        self.max_wait = max_wait
        self.on_batch = on_batch
        self._changed = threading.Condition()
        self._places: deque[Place] = deque()
        self._n_tokens = 0
        # Tokens a second, of all batches and of those that were at least half full.
        self._rate = self._full_rate = 0.0
        self._is_closing = False
        self._worker = threading.Thread(target=self._work, name="yanmo-scoring", daemon=True)

    @property
    def n_tokens(self) -> int:
        """Tokens admitted and not yet scored."""
        return self._n_tokens

    @property
    def is_running(self) -> bool:
        """Whether the scoring thread is there."""
        return self._worker.is_alive()

    def start(self) -> None:
        """Starts the scoring thread."""
        self._worker.start()

    def close(self) -> None:
        """Scores what is waiting, then ends the scoring thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._worker.join()

    def admit(self, n_tokens: int) -> Place:
        """Gives a request a place in the queue.

        Args:
            n_tokens: About how many tokens it will bring.

        Returns:
            The place; leave it by its ``with`` block.

        Raises:
            QueueFullError: There is no room now.
        """
        with self._changed:
            beyond: float = self._n_tokens + n_tokens - self.max_queue_tokens
            if self._n_tokens and self._full_rate:
                # Whoever finds nobody waiting may try, however large it is.
                beyond = max(beyond, self._n_tokens + n_tokens - self._full_rate * self.max_wait)
            if beyond > 0:
                raise QueueFullError(max(1, math.ceil(beyond / self._rate)) if self._rate else 1)
            self._n_tokens += n_tokens
        return Place(self, n_tokens)

    def enter(self, place: Place, rows: Sequence[EncodedPair], tasks: Sequence[int]) -> None:
        """Takes in the rows of a place; ``Place.score`` is the way to call it.

        Args:
            place: A place of this queue.
            rows: Encoded pairs.
            tasks: Task of each.
        """
        if not rows:
            place.future.set_result(place.logits)
            return
        n_tokens = sum(map(len, rows))
        with self._changed:
            self._n_tokens += n_tokens - place.n_tokens
            place.n_tokens = n_tokens
            place.rows, place.tasks = rows, tasks
            place.waiting, place.n_unscored = list(range(len(rows))), len(rows)
            place.logits = np.empty(len(rows), dtype=np.float32)
            self._places.append(place)
            self._changed.notify()

    def leave(self, place: Place) -> None:
        """Drops what a place still has waiting; ``with`` blocks call it."""
        with self._changed:
            if place.has_left:
                return
            place.has_left = True
            self._n_tokens -= place.n_tokens
            if place.waiting:
                self._places.remove(place)

    def _work(self) -> None:
        while batch := self._next_batch():
            self._score(batch)

    def _next_batch(self) -> list[tuple[Place, int]]:
        with self._changed:
            while not self._places and not self._is_closing:
                self._changed.wait()
            if not self._places:
                return []
            waiting = [(place, row) for place in self._places for row in place.waiting]
            lengths = [len(place.rows[row]) for place, row in waiting]
            batch = [waiting[i] for i in length_window(lengths, 0, max_tokens=self.max_batch_tokens)]
            chosen: dict[Place, set[int]] = {}
            for place, row in batch:
                chosen.setdefault(place, set()).add(row)
            for place, rows in chosen.items():
                place.waiting = [row for row in place.waiting if row not in rows]
            # The first has had its turn; whoever has nothing left is out.
            self._places.rotate(-1)
            self._places = deque(place for place in self._places if place.waiting)
            return batch

    def _score(self, batch: Sequence[tuple[Place, int]]) -> None:
        rows = [place.rows[row] for place, row in batch]
        began = time.perf_counter()
        try:
            logits = self.engine.logits(rows, [place.tasks[row] for place, row in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer to these requests; the thread goes on
            for place in {place for place, _ in batch}:
                self.leave(place)
                if place.future.set_running_or_notify_cancel():
                    place.future.set_exception(error)
            return
        n_tokens, seconds = sum(map(len, rows)), time.perf_counter() - began
        done = []
        with self._changed:
            rate = n_tokens / max(seconds, 1e-9)
            self._rate = _running(self._rate, rate)
            if 2 * len(rows) * max(map(len, rows)) >= self.max_batch_tokens:
                self._full_rate = _running(self._full_rate, rate)
            for (place, row), logit in zip(batch, logits, strict=True):
                place.logits[row] = logit
                place.n_unscored -= 1
                if not place.has_left:
                    self._n_tokens -= len(place.rows[row])
                    place.n_tokens -= len(place.rows[row])
                    if place.n_unscored == 0:
                        done.append(place)
        for place in done:
            if place.future.set_running_or_notify_cancel():
                place.future.set_result(place.logits)
        self.on_batch(BatchReport(len(rows), n_tokens, seconds))


def _running(mean: float, newest: float) -> float:
    return (1 - _NEWEST) * mean + _NEWEST * newest if mean else newest
