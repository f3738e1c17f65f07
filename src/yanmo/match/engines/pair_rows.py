"""Turns pairs and tasks into rows for an engine, one per window, and the rows' logits into one per pair and task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.budget import WindowPool
from ...data.tasks import TaskSet
from ...tokenize import EncodedPair, PairEncoder, PairWindows, TextNormalization
from ..details import PairDetails

__all__ = ["PairRows", "encode_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """Pairs under tasks as rows for an engine, ordered by pair, then by task, then by window.

    Attributes:
        texts: The pairs as they came.
        pairs: Of each pair, its windows under each task.
        task_indices: Index of each task.
        pools: What each task makes of its windows; None where it has one.
        normalization: The steps by which the texts were read.
    """

    texts: Sequence[tuple[str, str]]
    pairs: list[list[PairWindows]]
    task_indices: list[int]
    pools: list[WindowPool | None]
    normalization: TextNormalization

    @property
    def rows(self) -> list[EncodedPair]:
        """The rows, as an engine takes them."""
        return [row for tasks in self.pairs for windowed in tasks for row in windowed.windows]

    @property
    def is_blank(self) -> NDArray[np.bool_]:
        """Whether each pair has nothing to read in either text, bool[n_pairs]."""
        return np.array([any(each.is_blank for each in tasks) for tasks in self.pairs], dtype=np.bool_)

    @property
    def details(self) -> PairDetails:
        """The details in which the texts of a pair differ, looked for where a standard asks."""
        return PairDetails(self.texts.__getitem__, self.normalization)

    @property
    def n_unknown(self) -> NDArray[np.int64]:
        """Pieces of each pair's texts that the vocabulary lacks, int64[n_pairs, 2]."""
        return np.array([tasks[0].n_unknown for tasks in self.pairs if tasks], dtype=np.int64).reshape(-1, 2)

    @property
    def row_tasks(self) -> list[int]:
        """Task index of each row."""
        return [
            index
            for tasks in self.pairs
            for windowed, index in zip(tasks, self.task_indices, strict=True)
            for _ in windowed.windows
        ]

    def pool(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combines the logits of a pair's windows into one logit for each pair and task.

        Args:
            logits: Logits of the rows, float32[n_rows].

        Returns:
            Their maximum or mean, by the task, float32[n_pairs, n_tasks].
        """
        shape = (len(self.pairs), len(self.task_indices))
        sizes = np.array([len(windowed.windows) for tasks in self.pairs for windowed in tasks], dtype=np.int64)
        if len(logits) == len(sizes):
            return logits.reshape(shape)
        starts = np.cumsum(sizes) - sizes
        largest = np.maximum.reduceat(logits, starts).reshape(shape)
        mean = (np.add.reduceat(logits, starts) / sizes).astype(np.float32).reshape(shape)
        return np.where([pool is WindowPool.MEAN for pool in self.pools], mean, largest)


def encode_rows(
    pairs: Sequence[tuple[str, str]], *, tasks: Sequence[str], task_set: TaskSet, pair_encoder: PairEncoder
) -> PairRows:
    """Encodes pairs within the budget of each task; every distinct text is tokenized once.

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
    windowed = pair_encoder.encode_windows(
        [pair for _ in distinct for pair in pairs], budgets=[limit for limit in distinct for _ in pairs]
    )
    first = {limit: i * len(pairs) for i, limit in enumerate(distinct)}
    return PairRows(
        pairs,
        [[windowed[first[limit] + i] for limit in limits] for i in range(len(pairs))],
        indices,
        [None if task.budget.windows is None else task.budget.windows.pool for task in chosen],
        pair_encoder.normalization,
    )
