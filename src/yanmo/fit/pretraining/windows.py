"""Documents cut to windows, and windows of like length batched under a token budget: the whole run planned ahead.

Rows hold one document each, so that attention never crosses from one to another without any mask; the padding this
costs is a few per cent, for windows are sorted by length within large shuffled groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..loop.sampler import BatchPlan, plan_batches
from .token_cache import TokenCache

__all__ = ["PretrainPlan", "TokenWindows", "cut_windows", "plan_pretraining"]

N_SPECIAL = 2
"""Special tokens of a row: one opens it, one ends it."""


@dataclass(frozen=True, eq=False)
class TokenWindows:
    """Pieces of the training documents, as places in the token cache.

    Attributes:
        begins: First token of each in the cache, int64[n].
        sizes: Tokens of each, without special tokens, int64[n].
    """

    begins: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def n_tokens(self) -> int:
        """Tokens of one pass over all windows, special tokens included."""
        return int(self.sizes.sum()) + N_SPECIAL * len(self)


def cut_windows(cache: TokenCache, *, max_length: int) -> TokenWindows:
    """Cuts the training documents into windows.

    A long document gives windows of about equal size, each beginning with a word; only a word that is longer than a
    window is cut.

    Args:
        cache: The corpus.
        max_length: Most tokens of a row, special tokens included.

    Returns:
        The windows, in the order of the corpus.

    Raises:
        InputError: No document is left to train on.
    """
    room = max_length - N_SPECIAL
    documents = np.flatnonzero(~cache.is_heldout)
    if not len(documents):
        raise InputError(
            f"all {len(cache.is_heldout)} documents are held out", fix="lower heldout_share or give more documents"
        )
    begins, sizes = [], []
    for start, end in zip(cache.offsets[documents].tolist(), cache.offsets[documents + 1].tolist(), strict=True):
        while end - start > room:
            n_left = -(-(end - start) // room)
            target = start - (start - end) // n_left  # a share of what is left, rounded up; at most the room
            words = np.flatnonzero(cache.starts[start + 1 : target + 1])
            cut = start + 1 + int(words[-1]) if len(words) else target
            begins.append(start)
            sizes.append(cut - start)
            start = cut
        begins.append(start)
        sizes.append(end - start)
    return TokenWindows(np.array(begins, dtype=np.int64), np.array(sizes, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class PretrainPlan:
    """Every batch of a run.

    Attributes:
        plan: The batches; entry ``epoch * n_windows + window`` stands for a window in an epoch. Their number is a
            multiple of the batches a step.
        n_windows: Number of windows.
        batches_per_step: Batches that one optimizer step sums over, on all processes together.
        tokens_after: Real tokens (special ones included) trained after each step; the first entry is 0.
        masked_per_batch: Mean number of hidden tokens in a batch, which the loss is divided by.
    """

    plan: BatchPlan
    n_windows: int
    batches_per_step: int
    tokens_after: tuple[int, ...]
    masked_per_batch: float

    @property
    def n_steps(self) -> int:
        """Optimizer steps of the run."""
        return len(self.tokens_after) - 1


def plan_pretraining(
    windows: TokenWindows, *, max_tokens: int, n_epochs: float, batches_per_step: int, mask_prob: float, seed: int
) -> PretrainPlan:
    """Plans all batches of a run: every epoch a new permutation of all windows.

    Args:
        windows: The windows.
        max_tokens: Most computed tokens of a batch, rows times the longest row.
        n_epochs: Passes over the windows; may be a fraction.
        batches_per_step: Batches an optimizer step; the few left over at the end of the run are dropped.
        mask_prob: Share of tokens hidden.
        seed: Seed of the permutations.

    Returns:
        The plan; equal arguments give an equal plan.

    Raises:
        InputError: The run is shorter than one step.
    """
    rows = windows.sizes + N_SPECIAL
    batches: list[NDArray[np.int64]] = []
    remaining, epoch = n_epochs, 0
    while remaining > 1e-9:
        one = plan_batches(
            rows.tolist(),
            tasks=[0] * len(windows),
            max_tokens=max_tokens,
            n_epochs=min(remaining, 1.0),
            balance=1.0,
            seed=int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]),
        )
        batches += [batch + epoch * len(windows) for batch in one.batches]
        remaining, epoch = remaining - 1.0, epoch + 1
    n_steps = len(batches) // batches_per_step
    if not n_steps:
        raise InputError(
            f"the whole run is {len(batches)} batches, less than the {batches_per_step} of one step",
            fix="lower accumulation or max_tokens, or raise n_epochs",
        )
    batches = batches[: n_steps * batches_per_step]
    sizes = [rows[batch % len(windows)] for batch in batches]
    real = np.array([int(size.sum()) for size in sizes]).reshape(n_steps, -1).sum(1)
    computed = sum(int(size.max()) * len(size) for size in sizes)
    n_masked = sum(int(n_hidden(size - N_SPECIAL, mask_prob).sum()) for size in sizes)
    n_rows = sum(map(len, batches))
    return PretrainPlan(
        BatchPlan(tuple(batches), computed / int(real.sum()), n_rows / len(batches)),
        len(windows),
        batches_per_step,
        (0, *np.cumsum(real).tolist()),
        n_masked / len(batches),
    )


def n_hidden(sizes: NDArray[np.int64], prob: float) -> NDArray[np.int64]:
    """Gives how many tokens are hidden in rows: ``max(1, round(prob * size))``.

    Args:
        sizes: Tokens of the rows, without special tokens.
        prob: Share to hide.

    Returns:
        Number for each row.
    """
    numbers: NDArray[np.int64] = np.maximum(1, np.rint(prob * sizes)).astype(np.int64)
    return numbers
