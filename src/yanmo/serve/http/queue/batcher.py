"""Scoring for many requests at once: a queue of rows in which all are in time, and one thread that scores batches.

A row is an encoded pair under a task. A request first gets a place in the queue, if it and all others can be done in
time at the measured rate; then it hands its rows in. When it leaves, or can no longer be done in time, what has not
been scored is dropped. Whoever is due first is served first, and small requests are due sooner: a batch is built around
the oldest row of the first, so that a large request cannot hold up the others. What is computed of a row is its logit,
or what its request asks for instead, such as vectors; a batch computes one of these.
"""

import bisect
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ....errors import YanmoError
from ....tokenize import EncodedPair
from .batch_by_length import batch_by_length
from .pace import Pace, lateness
from .place import Compute, Place

__all__ = ["BatchReport", "Batcher", "QueueFullError", "RowEngine"]

# Shares of the longest wait: what a small request is admitted for, what any is, and what a batch may take. A processor
# that suddenly gives a quarter of its speed makes four times the first of them, which is still less than the whole.
_USUAL, _MOST, _BATCH = 1 / 6, 1 / 2, 1 / 60
# Of a request's own time, what it is given on top: it may be held up by smaller ones that long.
_STRETCH = 2.0
# Tokens a second that are believed before the first batch has told; only for the order.
_BELIEVED = 1000.0
# Tokens of the smallest batch that is worth the call, however slow the machine.
_SMALLEST_BATCH = 256


@runtime_checkable
class RowEngine(Protocol):
    """What the queue needs of a matcher's engine."""

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """One logit a row, float32[n], in the given order and the same in any company."""
        ...


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
    """A request cannot be done in time.

    Args:
        seconds: When to come back, by the rate measured so far.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full. Fix: try again in {seconds} s.")
        self.seconds = seconds


class Batcher:
    """Scores rows of many requests together, in a thread of its own.

    Args:
        engine: Encoded pairs to logits.
        max_batch_tokens: Largest number of rows times longest row of a batch.
        max_queue_tokens: Tokens admitted and not yet scored, at most.
        max_wait: Seconds after which nobody waits for a request any more; admitted is who can be done in far less.
        on_batch: Told of every batch, from the scoring thread.
    """

    def __init__(
        self,
        engine: RowEngine,
        *,
        max_batch_tokens: int,
        max_queue_tokens: int,
        max_wait: float = 30.0,
        on_batch: Callable[[BatchReport], None] = lambda _report: None,
    ) -> None:
        self.engine = engine
        self.max_batch_tokens = max_batch_tokens
        self.max_queue_tokens = max_queue_tokens
        self.max_wait = max_wait
        self.on_batch = on_batch
        self._changed = threading.Condition()
        # All that have been admitted and have not left, whoever is due first before the others.
        self._places: list[Place] = []
        self._n_tokens = 0
        self._pace = Pace()
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
            QueueFullError: It, or another, could not be done in time.
        """
        with self._changed:
            now = time.monotonic()
            due = self._due(n_tokens)
            self._refuse_if_late(now, due=due, n_tokens=n_tokens, promise=n_tokens)
            place = Place(self, n_tokens, due=now + due, deadline=now + self.max_wait)
            self._n_tokens += n_tokens
            bisect.insort(self._places, place, key=lambda other: other.due)
        return place

    def refuse_if_full(self, n_tokens: int) -> None:
        """Refuses a request before anything is known of it, if even the smallest could not be done in time.

        Args:
            n_tokens: Tokens it is likely to bring, for the time to come back.

        Raises:
            QueueFullError: There is no room for any request.
        """
        with self._changed:
            self._refuse_if_late(time.monotonic(), due=self._due(1), n_tokens=1, promise=n_tokens)

    def enter(
        self, place: Place, rows: Sequence[EncodedPair], tasks: Sequence[int], compute: Compute | None = None
    ) -> None:
        """Takes in the rows of a place; ``Place.score`` is the way to call it.

        Args:
            place: A place of this queue.
            rows: Encoded pairs.
            tasks: Task of each.
            compute: What is computed of them; None for the engine's logits.
        """
        if not rows:
            place.finish()
            return
        n_tokens = sum(map(len, rows))
        with self._changed:
            if place.has_left:
                return
            self._n_tokens += n_tokens - place.n_tokens
            place.n_tokens = n_tokens
            place.rows, place.tasks, place.compute = rows, tasks, compute
            place.waiting, place.n_unscored = list(range(len(rows))), len(rows)
            self._changed.notify()

    def leave(self, place: Place) -> None:
        """Drops what a place still has waiting; ``with`` blocks call it."""
        with self._changed:
            if place.has_left:
                return
            place.has_left = True
            self._n_tokens -= place.n_tokens
            self._places.remove(place)

    def _due(self, n_tokens: int) -> float:
        """Seconds in which a request should be done: the usual, and some of its own time on top."""
        own = n_tokens / (self._pace.rate or _BELIEVED)
        return min(_MOST * self.max_wait, _USUAL * self.max_wait + _STRETCH * own)

    def _refuse_if_late(self, now: float, *, due: float, n_tokens: int, promise: int) -> None:
        # Whoever finds nobody waiting may try, however large it is.
        if not self._n_tokens:
            return
        rate = self._pace.rate
        if rate:
            waiting = ((place.due - now, place.n_tokens) for place in self._places)
            late = lateness(waiting, due=due, n_tokens=n_tokens, rate=rate)
            late = max(late, (self._n_tokens + n_tokens - self.max_queue_tokens) / rate)
        else:
            # Nothing is known yet: no more than the batch that will tell, and one to follow it.
            limit = min(self.max_queue_tokens, 2 * self.max_batch_tokens)
            late = 1.0 if self._n_tokens + n_tokens > limit else 0.0
        if late > 0:
            raise QueueFullError(self._pace.come_back(now, late=late, n_tokens=promise))

    def _work(self) -> None:
        while batch := self._next_batch():
            self._score(batch)

    def _next_batch(self) -> list[tuple[Place, int]]:
        with self._changed:
            while True:
                self._drop_the_late()
                waiting = [(place, row) for place in self._places for row in place.waiting]
                if waiting or self._is_closing:
                    break
                self._changed.wait()
            if not waiting:
                return []
            compute = waiting[0][0].compute
            waiting = [(place, row) for place, row in waiting if place.compute is compute]
            lengths = [len(place.rows[row]) for place, row in waiting]
            # On a slow machine a batch of the largest size would make those wait who come after it.
            worth = max(_SMALLEST_BATCH, int(_BATCH * self.max_wait * (self._pace.rate or _BELIEVED)))
            batch = [waiting[i] for i in batch_by_length(lengths, 0, max_tokens=min(self.max_batch_tokens, worth))]
            chosen: dict[Place, set[int]] = {}
            for place, row in batch:
                chosen.setdefault(place, set()).add(row)
            for place, rows in chosen.items():
                place.waiting = [row for row in place.waiting if row not in rows]
            return batch

    def _drop_the_late(self) -> None:
        """Sends away whoever nobody waits for, or could not be done in time any more even if it were next."""
        now, rate = time.monotonic(), self._pace.rate
        waiting = [place for place in self._places if place.waiting]
        for i, place in enumerate(waiting):
            # The last is tried all the same: only a batch can tell that the machine has become faster again.
            own = place.n_tokens / rate if rate and i < len(waiting) - 1 else 0.0
            if now + own > place.deadline:
                seconds = self._pace.come_back(now, late=0.0, n_tokens=place.n_tokens)
                self.leave(place)
                place.waiting = []
                if place.future.set_running_or_notify_cancel():
                    place.future.set_exception(QueueFullError(seconds))

    def _score(self, batch: Sequence[tuple[Place, int]]) -> None:
        rows = [place.rows[row] for place, row in batch]
        compute = batch[0][0].compute or self.engine.logits
        began = time.perf_counter()
        try:
            results = compute(rows, [place.tasks[row] for place, row in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer to these requests; the thread goes on
            for place in {place for place, _ in batch}:
                self.leave(place)
                if place.future.set_running_or_notify_cancel():
                    place.future.set_exception(error)
            return
        n_tokens, seconds = sum(map(len, rows)), time.perf_counter() - began
        done = []
        with self._changed:
            self._pace.saw(n_tokens, seconds)
            for (place, row), result in zip(batch, results, strict=True):
                place.take(row, result)
                if not place.has_left:
                    self._n_tokens -= len(place.rows[row])
                    place.n_tokens -= len(place.rows[row])
                    if place.n_unscored == 0:
                        done.append(place)
        for place in done:
            place.finish()
        self.on_batch(BatchReport(len(rows), n_tokens, seconds))
