"""The forward pass without padding and without doing anything twice: texts once, pairs once, tasks last.

Layers below the first joint one see one text, layers below the first conditional one see no task. So the network is a
row of stages, each over its own units: a text, a text under a task, a pair, a pair under a task. Every distinct unit is
computed once, packed end to end with others.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from torch import Tensor, nn

from ..layers import ConditionalLayerNorm, Segments
from ..tokenize import EncodedPair
from ..tokenize.batches import sorted_batches
from .classifier import PairClassifier
from .stages import Piece, Unit, pieces_of, stages_of

__all__ = ["StagedClassifier"]


class StagedClassifier:
    """Scores pairs with a trained network, every distinct part of the work once.

    Args:
        classifier: The network, in evaluation mode.
        max_tokens: Tokens computed at a time.
        window_tokens: Tokens of pairs whose states are held at a time.
        recent_tokens: Tokens of texts whose states are kept for the pairs to come.
    """

    def __init__(
        self,
        classifier: PairClassifier,
        *,
        max_tokens: int = 2048,
        window_tokens: int = 1 << 15,
        recent_tokens: int = 1 << 16,
    ) -> None:
        self.classifier = classifier
        self.max_tokens = max_tokens
        self.window_tokens = window_tokens
        self.recent_tokens = recent_tokens
        self._stages = stages_of(classifier.encoder)
        self._recent: OrderedDict[tuple[int, Unit], Tensor] = OrderedDict()
        self._n_recent = 0
        self._kept: dict[tuple[int, Unit], Tensor] = {}

    @torch.inference_mode()
    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> Float32[np.ndarray, " n"]:
        """Scores pairs, each under a task; the same pair may come under several.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each.

        Returns:
            Logits in the given order, float32[n].
        """
        scores = np.empty(len(pairs), dtype=np.float32)
        for rows in _windows([len(pair) for pair in pairs], self.window_tokens):
            units = [Unit(pieces_of(pairs[i]), task_indices[i]) for i in rows]
            scores[rows] = self._window([pairs[i] for i in rows], units)
        self._recent.clear()
        self._n_recent = 0
        return scores

    @torch.inference_mode()
    def keep(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> int:
        """Computes what the texts of pairs cost alone and keeps it for later calls.

        Args:
            pairs: Encoded pairs; only their texts matter.
            task_indices: Task of each.

        Returns:
            Bytes kept altogether.
        """
        for index, stage in enumerate(self._stages):
            if stage.is_joint:
                break
            for pair, task in zip(pairs, task_indices, strict=True):
                wanted = stage.units(Unit(pieces_of(pair), task))
                for unit, states in self._states(index, wanted).items():
                    # A copy, for a view would keep the whole batch it was computed in.
                    self._kept.setdefault((index, unit), states.clone())
        return sum(states.numel() * states.element_size() for states in self._kept.values())

    def forget(self) -> None:
        """Drops what ``keep`` keeps."""
        self._kept.clear()

    def _window(self, pairs: Sequence[EncodedPair], units: Sequence[Unit]) -> Float32[np.ndarray, " n"]:
        network, stage = self.classifier, self._stages[-1]
        made = self._states(len(self._stages) - 1, [part for unit in units for part in stage.units(unit)])
        scores = np.empty(len(units), dtype=np.float32)
        for rows in sorted_batches([len(unit) for unit in units], max_tokens=self.max_tokens):
            states = [torch.cat([made[part] for part in stage.units(units[i])]) for i in rows]
            x = nn.utils.rnn.pad_sequence(states, batch_first=True)
            side = nn.utils.rnn.pad_sequence([torch.from_numpy(pairs[i].side).long() for i in rows], batch_first=True)
            side = side[:, : x.shape[1]]  # one token where the head reads the first only
            mask = torch.arange(x.shape[1]) < torch.tensor([[len(units[i])] for i in rows])
            tasks = torch.tensor([units[i].task for i in rows])
            scores[rows] = network.judge(x, tasks, side=side, mask=mask).float().numpy()
        return scores

    def _states(self, index: int, units: Iterable[Unit]) -> dict[Unit, Tensor]:
        """States of units after a stage, from what is kept or from the stage before."""
        stage = self._stages[index]
        found = {unit: self._lookup(index, unit) for unit in dict.fromkeys(units)}
        missing = sorted(
            (unit for unit, states in found.items() if states is None), key=lambda unit: (unit.task, len(unit))
        )
        before: dict[Unit, Tensor] = {}
        if index and missing:
            earlier = self._stages[index - 1]
            before = self._states(index - 1, [part for unit in missing for part in earlier.units(unit)])
        for batch in _batches(missing, self.max_tokens):
            task = batch[0].task
            condition = None
            if stage.is_conditional and self.classifier.task_vectors is not None:
                condition = self.classifier.task_vectors(torch.tensor([task]))
            pieces = [piece for unit in batch for piece in unit.pieces]
            position_ids = _row(pieces, lambda piece: piece.position_ids)
            encoder = self.classifier.encoder
            if index:
                earlier = self._stages[index - 1]
                x = torch.cat([before[part] for unit in batch for part in earlier.units(unit)])[None]
            else:
                given = condition if isinstance(encoder.embedding.norm, ConditionalLayerNorm) else None
                x = encoder.embedding(
                    _row(pieces, lambda piece: piece.token_ids),
                    given,
                    type_ids=_row(pieces, lambda piece: piece.type_ids),
                    position_ids=position_ids,
                )
            lengths = [len(unit) for unit in batch]
            segments = Segments(lengths)
            for i in range(stage.first, stage.last):
                block, keep = encoder.blocks[i], None
                given = condition if block.is_conditional else None
                if i == len(encoder.blocks) - 1 and self.classifier.reads_first_token:
                    keep = torch.tensor([0, *accumulate(lengths[:-1])])
                    lengths = [1] * len(batch)
                x = block(x, given, position_ids=position_ids, allowed=segments, keep=keep)
            for unit, states in zip(batch, torch.split(x[0], lengths), strict=True):
                found[unit] = states
                if not stage.is_joint:
                    self._remember(index, unit, states)
        return {unit: states for unit, states in found.items() if states is not None}

    def _lookup(self, index: int, unit: Unit) -> Float[Tensor, "tokens hidden"] | None:
        kept = self._kept.get((index, unit))
        return self._recent.get((index, unit)) if kept is None else kept

    def _remember(self, index: int, unit: Unit, states: Float[Tensor, "tokens hidden"]) -> None:
        self._recent[index, unit] = states
        self._n_recent += len(unit)
        while self._n_recent > self.recent_tokens and len(self._recent) > 1:
            (_, oldest), _ = self._recent.popitem(last=False)
            self._n_recent -= len(oldest)


def _row(pieces: Sequence[Piece], field_of: Callable[[Piece], NDArray[np.int32]]) -> Tensor:
    return torch.from_numpy(np.concatenate([field_of(piece) for piece in pieces]).astype(np.int64))[None]


def _windows(lengths: Sequence[int], n_tokens: int) -> Iterator[list[int]]:
    rows: list[int] = []
    total = 0
    for i, length in enumerate(lengths):
        if rows and total + length > n_tokens:
            yield rows
            rows, total = [], 0
        rows.append(i)
        total += length
    if rows:
        yield rows


def _batches(units: Sequence[Unit], max_tokens: int) -> Iterator[list[Unit]]:
    """Groups neighbors of one task up to a number of tokens; a longer single unit is a batch of its own."""
    batch: list[Unit] = []
    total = 0
    for unit in units:
        if batch and (total + len(unit) > max_tokens or unit.task != batch[0].task):
            yield batch
            batch, total = [], 0
        batch.append(unit)
        total += len(unit)
    if batch:
        yield batch
