"""Batches by token budget: pairs of like length together, tasks mixed in chosen shares, the whole run planned ahead."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = ["BatchPlan", "PlannedBatches", "plan_batches", "share_size"]

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
    weights: Mapping[int, float] | None = None,
) -> BatchPlan:
    """Plans all batches of a run.

    In every epoch task ``t`` with ``n_t`` pairs and weight ``w_t`` gives ``N w_t n_t^balance / sum w n^balance`` of the
    ``N`` pairs, drawn without repetition before any pair comes again. The pairs are shuffled, sorted by length within
    windows, cut into batches of at most ``max_tokens`` computed tokens, and the batches are shuffled.

    Args:
        lengths: Tokens of every example.
        tasks: Task index of every example.
        max_tokens: Largest number of rows times longest row in a batch; a longer single example gets its own batch.
        n_epochs: Length of the run in epochs of ``len(lengths)`` examples; may be a fraction.
        balance: The power above: 1 keeps the tasks' own shares, 0 gives every task the same share.
        seed: Seed of all drawing.
        weights: How many times that share a task gets, by task index; once where it is not named.

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
    times = weights or {}
    weight = np.array([times.get(t, 1.0) * len(deck.cards) ** balance for t, deck in decks.items()])
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
    """The plan as the batch sampler of a data loader: one pass is the whole run.

    Args:
        plan: The plan.
        n_shares: Of every batch so many shares are given one after the other, of like size and like lengths; a batch
            with fewer entries has its first stand in for each share that would be empty (see ``share_size``).

    Example:
        >>> plan = BatchPlan((np.array([3, 1, 2]), np.array([0])), 1.0, 2.0)
        >>> list(PlannedBatches(plan, n_shares=2))
        [[3, 2], [1], [0], [0]]
    """

    def __init__(self, plan: BatchPlan, *, n_shares: int = 1) -> None:
        self._batches = plan.batches
        self._n_shares = n_shares

    def __len__(self) -> int:
        return len(self._batches) * self._n_shares

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            for share in range(self._n_shares):
                yield (batch[share :: self._n_shares] if share < len(batch) else batch[:1]).tolist()


def share_size(n_entries: int, *, share: int, n_shares: int) -> int:
    """Says how many of a batch's entries are a share's own; 0 where another's stands in.

    Args:
        n_entries: Entries of the batch.
        share: Number of the share, from 0.
        n_shares: How many shares the batch is cut into.

    Returns:
        The number; over all shares they sum to ``n_entries``.

    Example:
        >>> [share_size(5, share=i, n_shares=2) for i in range(2)], share_size(1, share=1, n_shares=2)
        ([3, 2], 0)
    """
    return len(range(share, n_entries, n_shares))
