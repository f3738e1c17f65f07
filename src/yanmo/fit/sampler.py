"""Batches by token budget: pairs of like length together, tasks mixed in chosen shares, the whole run planned ahead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["BatchPlan", "PlannedBatches", "plan_batches"]

# Pairs are sorted by length inside windows of this many, so that a batch is alike in length but not always the same.
_WINDOW = 8192


@dataclass(frozen=True)
class BatchPlan:
    """Every batch of a whole run, in order.

    Attributes:
        batches: Example indices of every batch.
        padding_ratio: Computed tokens (rows times the longest row) over real tokens, over the whole run.
        pairs_per_batch: Mean number of pairs in a batch; the loss is divided by it, so that a pair counts the same in
            a batch of few long pairs as in one of many short ones.
    """

    batches: tuple[NDArray[np.int64], ...]
    padding_ratio: float
    pairs_per_batch: float


def plan_batches(
    lengths: Sequence[int],
    *,
    tasks: Sequence[int],
    max_tokens: int,
    n_epochs: float,
    balance: float,
    seed: int,
) -> BatchPlan:
    """Plans all batches of a run.

    In every epoch task ``t`` with ``n_t`` pairs gives ``N n_t^balance / sum n^balance`` of the ``N`` pairs, drawn
    without repetition before any pair comes again. The pairs are shuffled, sorted by length within windows, cut
    into batches of at most ``max_tokens`` computed tokens, and the batches are shuffled.

    Args:
        lengths: Tokens of every example.
        tasks: Task index of every example.
        max_tokens: Largest number of rows times longest row in a batch; a longer single example gets its own batch.
        n_epochs: Length of the run in epochs of ``len(lengths)`` examples; may be a fraction.
        balance: 1 keeps the tasks' own shares, 0 gives every task the same share.
        seed: Seed of all drawing.

    Returns:
        The plan; equal arguments give an equal plan.

    Raises:
        InputError: There is no example.
    """
    size = np.asarray(lengths, dtype=np.int64)
    task = np.asarray(tasks, dtype=np.int64)
    if not len(size):
        raise InputError("there is no training pair")
    rng = np.random.default_rng(seed)
    decks = {int(t): _Deck(np.flatnonzero(task == t), rng) for t in np.unique(task)}
    weight = np.array([len(deck.cards) ** balance for deck in decks.values()])
    share = weight / weight.sum()
    batches: list[NDArray[np.int64]] = []
    remaining = n_epochs
    while remaining > 1e-9:
        n_pairs = max(1, round(len(size) * min(remaining, 1.0)))
        drawn = [deck.draw(n) for deck, n in zip(decks.values(), _apportion(share, n_pairs).tolist(), strict=True)]
        epoch = rng.permutation(np.concatenate(drawn))
        cut = [
            b for start in range(0, len(epoch), _WINDOW) for b in _cut(epoch[start : start + _WINDOW], size, max_tokens)
        ]
        batches += [cut[i] for i in rng.permutation(len(cut))]
        remaining -= 1.0
    real = sum(int(size[b].sum()) for b in batches)
    computed = sum(int(size[b].max()) * len(b) for b in batches)
    return BatchPlan(tuple(batches), computed / real, sum(map(len, batches)) / len(batches))


class _Deck:
    """Cards drawn without repetition until none is left, then shuffled anew."""

    def __init__(self, cards: NDArray[np.int64], rng: np.random.Generator) -> None:
        self.cards = cards
        self._rng = rng
        self._left = np.empty(0, dtype=np.int64)

    def draw(self, n: int) -> NDArray[np.int64]:
        hand = [np.empty(0, dtype=np.int64)]
        while n > 0:
            if not len(self._left):
                self._left = self._rng.permutation(self.cards)
            hand.append(self._left[:n])
            self._left = self._left[n:]
            n -= len(hand[-1])
        return np.concatenate(hand)


def _apportion(share: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Whole numbers in the given shares that sum to ``n`` (largest remainders)."""
    exact = share * n
    whole = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: n - whole.sum()]] += 1
    return whole


def _cut(window: NDArray[np.int64], size: NDArray[np.int64], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    ordered = window[np.argsort(size[window], kind="stable")]
    start = 0
    for end in range(1, len(ordered) + 1):
        # Sorted: the newest row is the longest.
        if end - start > 1 and (end - start) * size[ordered[end - 1]] > max_tokens:
            yield ordered[start : end - 1]
            start = end - 1
    yield ordered[start:]


class PlannedBatches:
    """The plan as the batch sampler of a data loader: one pass is the whole run."""

    def __init__(self, plan: BatchPlan) -> None:
        self._batches = plan.batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            yield batch.tolist()
