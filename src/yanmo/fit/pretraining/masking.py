"""Dynamic whole-word masking: every epoch hides other words of a row, drawn from the seed, the epoch and the row."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...tokenize import SpecialIds, Tokenizer
from .token_cache import TokenCache
from .windows import N_SPECIAL, TokenWindows, n_hidden

__all__ = ["MaskedBatchMaker", "choose_hidden", "corrupt"]

_MASKED, _REPLACED = 0.8, 0.1


def choose_hidden(
    starts: NDArray[np.uint8], usable: NDArray[np.bool_], *, prob: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Chooses whole words until their tokens fill the row's share, ``max(1, round(prob * n))``.

    Words come in random order; one that no longer fits is passed over. If even the shortest is longer than the share,
    a stretch of one word is hidden instead.

    Args:
        starts: 1 where a token begins a word, [n]; the row's first token does, whatever it says.
        usable: Whether a token may be hidden, [n]. Where none may, all count as usable.
        prob: Share of the tokens to hide.
        rng: Source of the choice.

    Returns:
        Indices of the hidden tokens, rising, at least one.

    Source: arXiv:1906.08101 for whole Chinese words.
    """
    n = len(starts)
    places = np.flatnonzero(usable) if usable.any() else np.arange(n)
    word_of = np.cumsum(starts)[places]
    _, first, size = np.unique(word_of, return_index=True, return_counts=True)
    room = int(n_hidden(np.array([n]), prob)[0])
    order = rng.permutation(len(first))
    taken, left = [], room
    for word in order.tolist():
        if size[word] <= left:
            taken.append(places[first[word] : first[word] + size[word]])
            left -= int(size[word])
            if not left:
                break
    if not taken:
        word = int(order[0])
        begin = int(first[word]) + int(rng.integers(int(size[word]) - room + 1))
        taken.append(places[begin : begin + room])
    return np.sort(np.concatenate(taken))


def corrupt(
    ids: NDArray[np.int64],
    hidden: NDArray[np.int64],
    *,
    mask_id: int,
    replacements: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Replaces hidden tokens: 80 % by the mask token, 10 % by a random token, 10 % stay.

    Args:
        ids: Token ids of a row.
        hidden: Indices of the hidden ones.
        mask_id: The mask token.
        replacements: The ids to draw random tokens from.
        rng: Source of the draws.

    Returns:
        A corrupted copy.

    Source: arXiv:1810.04805.
    """
    made = ids.copy()
    u = rng.random(len(hidden))
    drawn = rng.choice(replacements, len(hidden))
    made[hidden] = np.where(u < _MASKED, mask_id, np.where(u < _MASKED + _REPLACED, drawn, ids[hidden]))
    return made


class MaskedBatchMaker:
    """Makes the batch of some windows; a data loader's ``collate_fn``.

    Args:
        cache: The corpus.
        windows: Its windows.
        tokenizer: Gives the special tokens around a row and the ids to replace by.
        special: Ids that are never hidden.
        prob: Share of a row's tokens to hide.
        seed: Seed of all masking.
    """

    def __init__(
        self,
        cache: TokenCache,
        windows: TokenWindows,
        *,
        tokenizer: Tokenizer,
        special: SpecialIds,
        prob: float,
        seed: int,
    ) -> None:
        self._cache = cache
        self._windows = windows
        self._edges = (tokenizer.cls_id, tokenizer.sep_id)
        self._pad_id = tokenizer.pad_id
        self._special = special
        self._replacements = np.setdiff1d(np.arange(tokenizer.vocab_size), special.every).astype(np.int64)
        self._prob = prob
        self._seed = seed

    def __call__(self, entries: Sequence[int]) -> dict[str, Tensor]:
        """Makes one batch.

        Args:
            entries: ``epoch * n_windows + window`` each.

        Returns:
            The fields of the `TokenBatch`, ``places`` (flat indices of the hidden tokens) and ``targets`` (their ids).
        """
        numbers = [divmod(int(entry), len(self._windows)) for entry in entries]
        seq = max(int(self._windows.sizes[window]) for _, window in numbers) + N_SPECIAL
        ids = np.full((len(numbers), seq), self._pad_id, dtype=np.int64)
        mask = np.zeros(ids.shape, dtype=bool)
        places, targets = [], []
        for row, (epoch, window) in enumerate(numbers):
            original, hidden, corrupted = self.row(epoch, window)
            n = len(original)
            ids[row, 0], ids[row, n + 1] = self._edges
            ids[row, 1 : n + 1] = corrupted
            mask[row, : n + N_SPECIAL] = True
            places.append(row * seq + 1 + hidden)
            targets.append(original[hidden])
        zeros = torch.zeros(ids.shape, dtype=torch.int64)
        return {
            "token_ids": torch.from_numpy(ids),
            "type_ids": zeros,
            "position_ids": torch.arange(seq).expand(ids.shape).contiguous(),
            "side": zeros,
            "mask": torch.from_numpy(mask),
            "places": torch.from_numpy(np.concatenate(places)),
            "targets": torch.from_numpy(np.concatenate(targets)),
        }

    def row(self, epoch: int, window: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Masks one window.

        Args:
            epoch: Which pass over the corpus.
            window: Which window.

        Returns:
            Its token ids, the indices of the hidden ones, and the ids after corruption.
        """
        begin, size = int(self._windows.begins[window]), int(self._windows.sizes[window])
        ids = self._cache.tokens[begin : begin + size].astype(np.int64)
        rng = np.random.default_rng([self._seed, epoch, window])
        usable = ~np.isin(ids, self._special.every)
        hidden = choose_hidden(self._cache.starts[begin : begin + size], usable, prob=self._prob, rng=rng)
        made = corrupt(ids, hidden, mask_id=self._special.mask, replacements=self._replacements, rng=rng)
        return ids, hidden, made
