"""Splits text into the units that are looked up whole in a vocabulary: words by jieba, or single characters."""

import re
from collections.abc import Callable
from functools import cache
from typing import Protocol, runtime_checkable

__all__ = ["CharacterSegmenter", "Segmenter", "WordSegmenter"]


@runtime_checkable
class Segmenter(Protocol):
    """Splits a text into consecutive pieces whose concatenation is the text.

    A space is a piece of its own, and what stands on one side of it does not change how the other side is cut: many
    texts joined by spaces are cut as each would be alone.
    """

    def __call__(self, text: str) -> list[str]:
        """Splits one text."""
        ...


class WordSegmenter:
    """Splits into words by jieba's dictionary alone, without its hidden Markov model for unknown words.

    jieba looks for words only within runs of ideographs, ASCII letters, digits and ``+#&._%-``. All else is cut into
    single characters, a space among it; only a carriage return stays with the line feed behind it.

    Example:
        >>> WordSegmenter()("今天天气不错")
        ['今天天气', '不错']
    """

    def __call__(self, text: str) -> list[str]:
        """Splits the text into words."""
        # A character outside every encoding (half of a surrogate pair) cannot cross into Rust. It is in no dictionary,
        # so standing in for it with another such character leaves the cuts where they were.
        try:
            return _jieba()(text, False)
        except UnicodeEncodeError:
            stand_in = "".join("\ue000" if "\ud800" <= ch <= "\udfff" else ch for ch in text)
            pieces, start = [], 0
            for piece in _jieba()(stand_in, False):
                pieces.append(text[start : start + len(piece)])
                start += len(piece)
            return pieces


@cache
def _jieba() -> Callable[[str, bool], list[str]]:
    # At first use: it reads its dictionary when imported, which a matcher with a vocabulary of its own never needs.
    from rjieba import cut

    found: Callable[[str, bool], list[str]] = cut
    return found


_UNIT = re.compile("[\u4e00-\u9fff ]|[^\u4e00-\u9fff ]+")


class CharacterSegmenter:
    """Splits into single Chinese characters, single spaces and the runs between them, which BERT splits further.

    Example:
        >>> CharacterSegmenter()("用 GPU 跑")
        ['用', ' ', 'GPU', ' ', '跑']
    """

    def __call__(self, text: str) -> list[str]:
        """Splits the text where BERT's tokenizer splits with any vocabulary."""
        return _UNIT.findall(text)
