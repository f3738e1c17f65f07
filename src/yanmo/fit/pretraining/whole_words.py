"""Which tokens begin a word of the original text, whatever the vocabulary cut it into."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...tokenize import Encoding

__all__ = ["word_starts"]


def word_starts(encoding: Encoding, words: Sequence[str]) -> NDArray[np.uint8]:
    """Tells which tokens begin a word of the original text.

    A token continues the word of the token before it if it starts in the word in which that one ends; a token that
    reaches over several words joins them, for hiding only a part of it is impossible.

    Args:
        encoding: The tokens of a text.
        words: The same text cut into words.

    Returns:
        1 where a token begins a word, uint8[n].

    Example:
        >>> offsets = np.array([[0, 1], [1, 2], [2, 4]], dtype=np.int32)
        >>> word_starts(Encoding(np.zeros(3, dtype=np.int32), offsets), ["天气", "不错"])
        array([1, 0, 1], dtype=uint8)
    """
    n = len(encoding.token_ids)
    starts = np.ones(n, dtype=np.uint8)
    if n > 1:
        word_of = np.repeat(np.arange(len(words)), [len(word) for word in words])
        low = encoding.offsets[1:, 0].clip(max=len(word_of) - 1)
        high = (encoding.offsets[:-1, 1] - 1).clip(min=0)
        starts[1:] = word_of[low] > word_of[high]
    return starts
