"""Batches for siamese training: planned ahead, with two views of every text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...encode import TokenBatch
from ...errors import InputError
from ...vectors.embedder import Embedder, text_batch
from ...vectors.views import TextViews
from ..loop.sampler import BatchPlan

__all__ = ["ViewMaker", "plan_vectors"]

_FIELDS = tuple(TokenBatch.__dataclass_fields__)
# Texts are sorted by length inside windows of so many batches: little padding, and batches that still differ.
_WINDOW = 16


def plan_vectors(
    lengths: Sequence[int], *, batch_size: int, n_epochs: float, n_steps: int | None, seed: int
) -> BatchPlan:
    """Plans all batches of a run, each of exactly ``batch_size`` different texts.

    Every epoch is a new permutation, sorted by length within windows of some batches; a rest that fills no batch is
    left out, for statistics over a batch of two would be worth nothing.

    Args:
        lengths: Length of every text, in any unit.
        batch_size: Texts a batch.
        n_epochs: Passes over the texts; may be a fraction.
        n_steps: Number of batches; None goes by the epochs.
        seed: Seed of the permutations.

    Returns:
        The plan; entry ``epoch * n_texts + text`` stands for a text in an epoch.

    Raises:
        InputError: There are fewer texts than a batch holds, or the run is shorter than one batch.
    """
    size = np.asarray(lengths, dtype=np.int64)
    n_each = len(size) // batch_size
    total = n_steps if n_steps is not None else int(n_each * n_epochs + 1e-9)
    if total < 1:
        raise InputError(
            f"{len(size)} texts make no batch of {batch_size}, or {n_epochs:g} epochs make none",
            fix="lower batch_size, raise n_epochs or give more texts",
        )
    if n_each < 1:
        raise InputError(f"{len(size)} texts were given, one batch takes {batch_size}", fix="lower batch_size")
    batches: list[NDArray[np.int64]] = []
    epoch = 0
    while len(batches) < total:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(size))[: n_each * batch_size]
        cut: list[NDArray[np.int64]] = []
        for start in range(0, len(order), _WINDOW * batch_size):
            window = order[start : start + _WINDOW * batch_size]
            cut += np.split(window[np.argsort(size[window], kind="stable")], len(window) // batch_size)
        batches += [cut[i] + epoch * len(size) for i in rng.permutation(len(cut)).tolist()]
        epoch += 1
    batches = batches[:total]
    sizes = [size[batch % len(size)] for batch in batches]
    computed = sum(int(rows.max()) * len(rows) for rows in sizes)
    return BatchPlan(tuple(batches), computed / sum(int(rows.sum()) for rows in sizes), float(batch_size))


class ViewMaker:
    """Makes the batch of both views; seed, entry and number of a view decide it, so that a run goes on exactly.

    Args:
        texts: The texts; also the length of the data set of one epoch.
        embedder: Its prompt and its tokenizer.
        views: Makes a view of a text.
        max_length: Tokens of the longest row.
        seed: Seed of the views.
    """

    def __init__(
        self, texts: Sequence[str], *, embedder: Embedder, views: TextViews, max_length: int, seed: int
    ) -> None:
        self.texts = texts
        self._embedder = embedder
        self._views = views
        self._room = max_length - 1
        self._seed = seed

    def __call__(self, entries: Sequence[int]) -> dict[str, Tensor]:
        """Gives the fields of a `TokenBatch` of 2n rows: the first view of every entry, then the second."""
        prompt = self._embedder.layout.prompt(None)
        made = [
            prompt + self._views(self.texts[entry % len(self.texts)], rng=np.random.default_rng([self._seed, entry, k]))
            for k in (0, 1)
            for entry in entries
        ]
        rows = [
            [*row[: self._room], row[-1]] if len(row) > self._room else row for row in self._embedder.token_ids(made)
        ]
        batch = text_batch(rows, pad_id=self._embedder.tokenizer.pad_id)
        return {name: getattr(batch, name) for name in _FIELDS}
