"""Labelled pairs encoded once, and the batches that the trainer makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...data.pair import Pair
from ...data.tasks import TaskSet
from ...encode import TokenBatch
from ...evaluate import TaskScores
from ...match.engines.torch_engine import collate
from ...tokenize import EncodedPair, PairEncoder
from .frozen import FrozenStates

__all__ = ["BatchMaker", "Examples", "encode_examples"]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The labelled pairs of all tasks, one after the other.

    Attributes:
        pairs: The texts.
        encoded: The same as token ids.
        tasks: Task index of each, int64[n].
        labels: 1 match, 0 no match, float32[n].
    """

    pairs: tuple[Pair, ...]
    encoded: tuple[EncodedPair, ...]
    tasks: NDArray[np.int64]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(pair) for pair in self.encoded]

    @property
    def n_truncated(self) -> int:
        """Pairs of which the budget left something out."""
        return sum(any(pair.n_cut) for pair in self.encoded)

    def describe(self, task_set: TaskSet) -> str:
        """Says how many pairs each task has, how long they are and how many were cut."""
        counts = np.bincount(self.tasks, minlength=len(task_set.tasks))
        each = " ".join(f"{task.name} {n:,}" for task, n in zip(task_set.tasks, counts.tolist(), strict=True) if n)
        cut, mean = self.n_truncated / len(self), sum(self.lengths) / len(self)
        return f"{len(self):,} 对（{each}），平均 {mean:.0f} token，{cut:.1%} 的对被截断"

    def by_task(self, logits: NDArray[np.float32], task_set: TaskSet) -> list[TaskScores]:
        """Sorts the logits of all pairs by task, leaving out tasks without pairs."""
        made = []
        for index, task in enumerate(task_set.tasks):
            rows = np.flatnonzero(self.tasks == index)
            if len(rows):
                pairs = [self.pairs[i] for i in rows.tolist()]
                its = self.labels[rows], logits[rows]
                made.append(TaskScores(task.name, task.standard, *its, base_rate=task.base_rate, pairs=pairs))
        return made


def encode_examples(split: Mapping[str, Sequence[Pair]], *, task_set: TaskSet, pair_encoder: PairEncoder) -> Examples:
    """Encodes every labelled pair under its task's budget, each once: windows are a matter of scoring.

    Args:
        split: The pairs of each task, by its name.
        task_set: The tasks.
        pair_encoder: Texts to token ids.

    Returns:
        The examples, in the order of ``split``.
    """
    rows = [(name, pair) for name, pairs in split.items() for pair in pairs]
    budgets = {name: replace(task_set.task(name).pair_budget, windows=None) for name in split}
    encoded = pair_encoder.encode_batch(
        [(pair.text0, pair.text1) for _, pair in rows],
        budgets=[budgets[name] for name, _ in rows],
    )
    return Examples(
        tuple(pair for _, pair in rows),
        tuple(encoded),
        np.array([task_set.index(name) for name, _ in rows], dtype=np.int64),
        np.array([pair.label for _, pair in rows], dtype=np.float32),
    )


class BatchMaker:
    """Makes the batch of some examples; a data loader's ``collate_fn``.

    Args:
        examples: The labelled pairs.
        pad_id: Token id of padding.
        frozen: States of the layers that do not learn; None has the network compute all layers.
    """

    def __init__(self, examples: Examples, *, pad_id: int, frozen: FrozenStates | None = None) -> None:
        self.examples = examples
        self._pad_id = pad_id
        self._frozen = frozen

    def __call__(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Returns ``labels``, ``tasks``, the fields of the `TokenBatch`, and ``states`` where layers are frozen."""
        pairs = [self.examples.encoded[i] for i in rows]
        batch = collate(pairs, pad_id=self._pad_id)
        made = {name: getattr(batch, name) for name in TokenBatch.__dataclass_fields__}
        made["tasks"] = torch.from_numpy(self.examples.tasks[list(rows)])
        made["labels"] = torch.from_numpy(self.examples.labels[list(rows)])
        if self._frozen is not None:
            made["states"] = self._frozen.gather(pairs)
        return made
