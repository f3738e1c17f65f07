"""Word segmentation and token look-up compiled by numba: the tokens of rjieba and a dict, several times as fast.

It takes a second to make ready, so it is for those who have much to tokenize.
"""

from array import array
from functools import cache
from importlib.util import find_spec
from math import log
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernel import CODE_POINTS, MARK_BITS, STATE_BITS, cut, plant, tokens_of
from .records import WordRecords

__all__ = ["CompiledWords"]


class _Trie(NamedTuple):
    """jieba's dictionary as a trie in flat arrays, in the form that ``kernel`` reads."""

    slots: NDArray[np.uint64]
    marks: NDArray[np.uint64]
    weight_of: NDArray[np.float64]
    unknown: float
    n_states: int


class CompiledWords:
    """Segments texts into words and gives the words' token ids, in compiled code.

    Args:
        records: Words and their records; asked once for every word.

    Example:
        >>> ids = {"[UNK]": 0, "天气": 1, "不": 2}
        >>> token_ids, offsets = CompiledWords(WordRecords(ids, words=ids, unknown=0)).tokens("天气 不")
        >>> token_ids.tolist(), offsets.tolist()
        ([1, 2], [[0, 2], [3, 4]])
    """

    def __init__(self, records: WordRecords) -> None:
        self._records = records
        self._trie = _trie()
        # 0 is unseen, so records begin at 1. Pages of zeros cost no memory until they are written to.
        self._first = np.zeros(self._trie.n_states + CODE_POINTS, dtype=np.int32)
        self._flat = array("i", [0])
        self._lock = Lock()

    def tokens(self, plain: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Segments one text and looks up the tokens of its words.

        Args:
            plain: The text in its plain form.

        Returns:
            Token ids, int32[n], and where they stand, int32[n, 2].
        """
        codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype=np.int32)
        what, ends = cut(codes, *self._trie)
        places = np.flatnonzero(what < 0)
        begins = np.where(places > 0, ends[places - 1], 0)
        others = [self._records[plain[a:b]] for a, b in zip(begins.tolist(), ends[places].tolist(), strict=True)]
        n_rows = np.fromiter(map(len, others), dtype=np.int64, count=len(others)) // 8
        with self._lock:
            for place in np.flatnonzero((what >= 0) & (self._first[what] == 0)).tolist():
                piece = what[place]
                if self._first[piece] == 0:
                    self._first[piece] = len(self._flat)
                    record = self._records[plain[ends[place - 1] if place else 0 : ends[place]]]
                    self._flat.append(len(record) // 8)
                    self._flat.frombytes(record)
            # No view of the array outlives the call: while one lives, it cannot grow.
            return tokens_of(what, len(plain), self._first, _int32(self._flat), n_rows, _int32(b"".join(others)))


def _int32(buffer: "bytes | array[int]") -> NDArray[np.int32]:
    return np.frombuffer(buffer, dtype=np.int32)


@cache
def _trie() -> _Trie:
    """Reads the dictionary of the package jieba: a word, its count and its kind a line."""
    found = find_spec("jieba")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("jieba is not installed", name="jieba")
    lines = Path(found.origin).with_name("dict.txt").read_text(encoding="utf-8").splitlines()
    counted = [line.split(" ")[:2] for line in lines]
    counts = {word: int(count) for word, count in counted}
    # As jieba takes it: the logarithm of the count less that of all counts; a word it does not know counts once.
    total = log(sum(int(count) for _, count in counted))
    # The most frequent first: what is used together lies together.
    words = sorted((word for word, count in counts.items() if count), key=lambda word: -counts[word])
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.int32)
    ends = np.cumsum(np.fromiter(map(len, words), dtype=np.int64, count=len(words)))
    weights = np.array([log(counts[word]) - total for word in words])
    slots, marks = (np.zeros(1 << bits, dtype=np.uint64) for bits in (STATE_BITS, MARK_BITS - 6))
    # With more states than this the table would be too full to be quick.
    weight_of = np.empty(3 << (STATE_BITS - 2), dtype=np.float64)
    n_states = plant(codes, ends, weights, slots, marks, weight_of)
    if n_states > len(weight_of):
        raise ValueError(f"jieba's dictionary has more than {len(weight_of):,} beginnings of words")
    return _Trie(slots, marks, weight_of[:n_states].copy(), -total, n_states)
