"""Scores of pairs of texts of a vector folder: by vectors where those say all, from the texts elsewhere."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..match import Verdict
from .apart import Apart, ApartRule
from .vector_folder import VectorFolder

__all__ = ["PairJudge", "Pairs", "score_pairs", "verdict_of"]

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the first and of the second texts, int64[n] each."""

# Pairs scored and put on the disk together.
_PORTION = 1 << 15
_FROM_TEXTS = 256
_NOTHING = ApartRule()


def score_pairs(folder: VectorFolder, pairs: Pairs) -> NDArray[np.float32]:
    """Scores pairs under every task of the folder's encoder.

    Args:
        folder: The texts and their vectors.
        pairs: Numbers of the first and of the second texts.

    Returns:
        Logits, float32[n, tasks].
    """
    a, b = pairs
    encoder, lengths = folder.encoder, folder.lengths
    logits = np.empty((len(a), len(encoder.tasks)), dtype=np.float32)
    fits = encoder.fits(lengths[a], lengths[b])
    each = [folder.vectors(place) for place in range(len(encoder.sources))]
    whole, cut = np.flatnonzero(fits), np.flatnonzero(~fits)
    for start in range(0, len(whole), _PORTION):
        part = whole[start : start + _PORTION]
        first, second = (np.stack([vectors[of[part]] for vectors in each], 1) for of in (a, b))
        logits[part] = encoder.logits(first, second)
    for start in range(0, len(cut), _FROM_TEXTS):
        part = cut[start : start + _FROM_TEXTS]
        logits[part] = encoder.text_logits([(folder.texts[a[i]], folder.texts[b[i]]) for i in part])
    return logits


class PairJudge:
    """What the standard says of pairs of texts of one folder; what was scored once, also by an earlier call, is kept.

    Args:
        folder: The folder, which keeps the scores.
        apart: What keeps texts apart, whatever the standard says.

    Under a symmetric standard a pair and the pair swapped are one, and are scored once.
    """

    def __init__(self, folder: VectorFolder, *, apart: ApartRule = _NOTHING) -> None:
        self._folder = folder
        self.apart = Apart(apart, folder.texts)
        """What keeps texts apart beside the standard."""
        self._fresh: dict[int, NDArray[np.float32]] = {}
        self.n_scored = 0
        """Pairs scored so far by this object."""
        self._read()

    def score(self, pairs: Pairs, *, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Scores those of many pairs that were not scored yet, portion by portion.

        Args:
            pairs: Numbers of the first and of the second texts.
            on_progress: Told how many of the new pairs are done, and how many there are.
        """
        low, high = self._in_order(*pairs)
        new = np.flatnonzero(~np.isin(_key(low, high), self._keys))
        for start in range(0, len(new), _PORTION):
            part = new[start : start + _PORTION]
            logits = score_pairs(self._folder, (low[part], high[part]))
            self._folder.add_pairs(low[part], high[part], logits)
            self.n_scored += len(part)
            if on_progress is not None:
                on_progress(start + len(part), len(new))
        self._read()

    def __call__(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Verdict:
        """Gives the verdict on some pairs; those that are new are scored now and kept by ``keep``."""
        low, high = self._in_order(first, second)
        keys = _key(low, high)
        at = np.minimum(np.searchsorted(self._keys, keys), max(0, len(self._keys) - 1))
        known = self._keys[at] == keys if len(self._keys) else np.zeros(len(keys), dtype=np.bool_)
        new = [i for i in np.flatnonzero(~known).tolist() if int(keys[i]) not in self._fresh]
        if new:
            logits = score_pairs(self._folder, (low[new], high[new]))
            self._fresh.update(zip(keys[new].tolist(), logits, strict=True))
            self.n_scored += len(new)
        found = np.empty((len(keys), len(self._folder.encoder.tasks)), dtype=np.float32)
        found[known] = self._logits[at[known]]
        for i in np.flatnonzero(~known).tolist():
            found[i] = self._fresh[int(keys[i])]
        return self.apart.decide(low, high, verdict_of(self._folder, (low, high), found))

    def keep(self) -> None:
        """Puts what was scored one by one on the disk."""
        if self._fresh:
            keys = np.array(list(self._fresh), dtype=np.int64)
            self._folder.add_pairs(keys >> 32, keys & 0xFFFFFFFF, np.stack(list(self._fresh.values())))
            self._fresh.clear()
            self._read()

    def _in_order(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Pairs:
        if not self._folder.encoder.is_symmetric:
            return first, second
        return np.minimum(first, second), np.maximum(first, second)

    def _read(self) -> None:
        kept = self._folder.pairs
        keys = _key(kept["first"].astype(np.int64), kept["second"].astype(np.int64))
        order = np.argsort(keys, kind="stable")
        self._keys, self._logits = keys[order], np.asarray(kept["logits"], dtype=np.float32)[order]


def verdict_of(folder: VectorFolder, pairs: Pairs, logits: NDArray[np.float32]) -> Verdict:
    """Turns the logits of pairs into the standard's verdict; arguments as in ``score_pairs``."""
    lengths, texts, (first, second) = folder.lengths, folder.texts, pairs

    def texts_of(row: int) -> tuple[str, str]:
        return texts[int(first[row])], texts[int(second[row])]

    is_blank = np.asarray((lengths[first] == 0) & (lengths[second] == 0))
    return folder.encoder.verdict(logits, is_blank=is_blank, texts_of=texts_of)


def _key(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return (first << 32) | second
