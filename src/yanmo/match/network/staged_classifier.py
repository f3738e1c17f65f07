"""Scores pairs without padding and without repeated work: each text once, each pair once, then the tasks.

Layers below the first joint one see one text, layers below the first conditional one see no task. So the network is a
row of stages, each over its own units: a text, a text under a task, a pair, a pair under a task. Every distinct unit is
computed once, packed end to end with others.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from ...layers import mean_pool
from ...tokenize import EncodedPair
from ...tokenize.batches import sorted_batches
from .classifier import PairClassifier
from .stage_batch import run_batch
from .stages import Unit, pieces_of, stages_of

__all__ = ["StagedClassifier"]


class StagedClassifier:
    """Scores pairs with a trained network and computes every distinct text and pair once.

    Args:
        classifier: The network, in evaluation mode.
        max_tokens: Tokens computed at a time.
        held_tokens: Tokens of pairs whose states are held in memory at a time.
        recent_tokens: Tokens of texts whose states are kept in memory for the pairs that follow in the same call.
    """

    def __init__(
        self,
        classifier: PairClassifier,
        *,
        max_tokens: int = 2048,
        held_tokens: int = 1 << 15,
        recent_tokens: int = 1 << 16,
    ) -> None:
        self.classifier = classifier
        self.max_tokens = max_tokens
        self.held_tokens = held_tokens
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
        return self._computed(pairs, task_indices, None)

    @torch.inference_mode()
    def logits_and_vectors(
        self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]
    ) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, "n 2 hidden"]]:
        """Gives the logits and, of each text of each pair, the mean vector under the task.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each.

        Returns:
            Logits and vectors in the given order, float32[n] and float32[n, 2, hidden].
        """
        vectors = np.empty((len(pairs), 2, len(self.classifier.encoder.embedding.norm.weight)), dtype=np.float32)
        return self._computed(pairs, task_indices, vectors), vectors

    def _computed(
        self,
        pairs: Sequence[EncodedPair],
        task_indices: Sequence[int],
        vectors: Float32[np.ndarray, "n 2 hidden"] | None,
    ) -> Float32[np.ndarray, " n"]:
        """Returns the logits; fills in the vectors, where there is a place for them."""
        scores = np.empty(len(pairs), dtype=np.float32)
        for rows in _portions([len(pair) for pair in pairs], self.held_tokens):
            units = [Unit(pieces_of(pairs[i]), task_indices[i]) for i in rows]
            pooled = None if vectors is None else np.empty_like(vectors[rows])
            scores[rows] = self._score([pairs[i] for i in rows], units, pooled)
            if vectors is not None:
                vectors[rows] = pooled
        self._recent.clear()
        self._n_recent = 0
        return scores

    @torch.inference_mode()
    def keep(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> int:
        """Runs the layers that see single texts over the texts of some pairs and keeps the results for later calls.

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
        """Frees the results that ``keep`` stored."""
        self._kept.clear()

    def _score(
        self,
        pairs: Sequence[EncodedPair],
        units: Sequence[Unit],
        pooled: Float32[np.ndarray, "n 2 hidden"] | None,
    ) -> Float32[np.ndarray, " n"]:
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
            scores[rows] = network.score_states(x, tasks, side=side, mask=mask).float().numpy()
            if pooled is not None:
                pooled[rows] = torch.stack([mean_pool(x, mask & (side == i)) for i in (0, 1)], 1).float().numpy()
        return scores

    def _states(self, index: int, units: Iterable[Unit]) -> dict[Unit, Tensor]:
        """Returns the token states of units after a stage: those that are kept, and the others computed."""
        stage = self._stages[index]
        found = {unit: self._lookup(index, unit) for unit in dict.fromkeys(units)}
        missing = sorted(
            (unit for unit, states in found.items() if states is None), key=lambda unit: (unit.task, len(unit))
        )
        earlier = self._stages[index - 1] if index else None
        before: dict[Unit, Tensor] = {}
        if earlier is not None and missing:
            before = self._states(index - 1, [part for unit in missing for part in earlier.units(unit)])
        for batch in _batches(missing, self.max_tokens):
            inputs = None if earlier is None else [before[part] for unit in batch for part in earlier.units(unit)]
            for unit, states in zip(batch, run_batch(self.classifier, stage, batch, inputs=inputs), strict=True):
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


def _portions(lengths: Sequence[int], n_tokens: int) -> Iterator[list[int]]:
    """Groups consecutive pairs into runs of at most ``n_tokens``; a longer pair stands alone."""
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
    """Groups consecutive units of one task into batches of at most ``max_tokens``; a longer unit stands alone."""
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
