"""A cache of the tokens of every word seen, as bytes that can be joined to the tokens of a text."""

import re
from collections.abc import Mapping
from struct import Struct

from ..wordpiece import pieces_of

__all__ = ["NO_TOKEN", "WordRecords"]

NO_TOKEN = -1
"""Stands in a record for a token where characters belong to none."""

# Longer words are rare and large: remembering them costs memory and saves nothing.
_LONGEST = 32
_pair = Struct("2i").pack
_IDEOGRAPHS = re.compile("[\u4e00-\u9fff]+").fullmatch


class WordRecords(dict[str, bytes]):
    """A dictionary from words to their recorded tokens; the record of a new word is made at first use.

    A record is a row of pairs of int32: a token id, or ``NO_TOKEN``, and a number of characters. The numbers add up to
    the length of the word, so the joined records of a text's words hold its ids and, in their running sum, the end of
    every token. Words are entered when they are met: what a corpus uses then lies close together in memory, and finding
    it there is most of the work.

    Args:
        ids: The vocabulary.
        words: The words of it that are a token as they stand; all others are split by BERT's algorithm.
        unknown: Id of an unknown word.
        n_most: Number of words at which all are forgotten.

    Example:
        >>> import numpy as np
        >>> ids = {"[UNK]": 0, "天气": 1, "不": 2}
        >>> np.frombuffer(WordRecords(ids, words=ids, unknown=0)["天气"], dtype=np.int32)
        array([1, 2], dtype=int32)
    """

    def __init__(
        self, ids: Mapping[str, int], *, words: Mapping[str, int], unknown: int, n_most: int = 1 << 16
    ) -> None:
        super().__init__()
        self._ids = ids
        self._words = words
        self._unknown = unknown
        self._n_most = n_most

    def __missing__(self, word: str) -> bytes:
        token = self._words.get(word)
        if token is not None:
            record = _pair(token, len(word))
        elif 1 < len(word) <= _LONGEST and _IDEOGRAPHS(word):
            record = b"".join(map(self.__getitem__, word))
        else:
            record = self._split(word)
        if len(word) <= _LONGEST:
            if len(self) >= self._n_most:
                self.clear()
            self[word] = record
        return record

    def _split(self, word: str) -> bytes:
        record, end = [], 0
        for token, start, stop in pieces_of(word, ids=self._ids, unknown=self._unknown):
            if start > end:
                record.append(_pair(NO_TOKEN, start - end))
            record.append(_pair(token, stop - start))
            end = stop
        if end < len(word):
            record.append(_pair(NO_TOKEN, len(word) - end))
        return b"".join(record)
