"""Pairs under tasks as rows that an engine scores, a row for each window, and the rows' logits back to the pairs'."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.budget import WindowPool
from ..data.tasks import TaskSet
from ..tokenize import EncodedPair, PairEncoder, PairReading

__all__ = ["PairRows", "encode_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """Pairs under tasks, ready for an engine: pair by pair, of a pair task by task, of these window by window.

    Attributes:
        readings: Of each pair, how each task reads it.
        task_indices: Index of each task.
        pools: What each task makes of its windows; None where it has one.
    """

    readings: list[list[PairReading]]
    task_indices: list[int]
    pools: list[WindowPool | None]

    @property
    def rows(self) -> list[EncodedPair]:
        """The rows, as an engine takes them."""
        return [row for tasks in self.readings for reading in tasks for row in reading.windows]

    @property
    def row_tasks(self) -> list[int]:
        """Task index of each row."""
        return [
            index
            for tasks in self.readings
            for reading, index in zip(tasks, self.task_indices, strict=True)
            for _ in reading.windows
        ]

    def pool(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Makes one logit a pair and task of those of its windows.

        Args:
            logits: Logits of the rows, float32[n_rows].

        Returns:
            Their maximum or mean, by the task, float32[n_pairs, n_tasks].
        """
        shape = (len(self.readings), len(self.task_indices))
        sizes = np.array([len(reading.windows) for tasks in self.readings for reading in tasks], dtype=np.int64)
        if len(logits) == len(sizes):
            return logits.reshape(shape)
        starts = np.cumsum(sizes) - sizes
        largest = np.maximum.reduceat(logits, starts).reshape(shape)
        mean = (np.add.reduceat(logits, starts) / sizes).astype(np.float32).reshape(shape)
        return np.where([pool is WindowPool.MEAN for pool in self.pools], mean, largest)


def encode_rows(
    pairs: Sequence[tuple[str, str]], *, tasks: Sequence[str], task_set: TaskSet, pair_encoder: PairEncoder
) -> PairRows:
    """Encodes pairs as their tasks read them, every text once whatever the budgets.

    Args:
        pairs: The texts.
        tasks: Names of the tasks.
        task_set: Knows their budgets and windows.
        pair_encoder: Texts to encoded pairs.

    Returns:
        The rows.

    Raises:
        InputError: A task is unknown, or its budget holds no text.
    """
    indices = [task_set.index(task) for task in tasks]
    chosen = [task_set.tasks[index] for index in indices]
    limits = [task.pair_budget for task in chosen]
    distinct = list(dict.fromkeys(limits))
    readings = pair_encoder.encode_windows(
        [pair for _ in distinct for pair in pairs], budgets=[limit for limit in distinct for _ in pairs]
    )
    first = {limit: i * len(pairs) for i, limit in enumerate(distinct)}
    return PairRows(
        [[readings[first[limit] + i] for limit in limits] for i in range(len(pairs))],
        indices,
        [None if task.budget.windows is None else task.budget.windows.pool for task in chosen],
    )
