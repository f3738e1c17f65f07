"""Splits text into the units that are looked up whole in a vocabulary: words by jieba, or single characters."""

import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

from .jieba_dictionary import own_jieba

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

    rjieba finds the words. It adds the same logarithms in another order than jieba: where a piece stands three times in
    a row, ``等 等等`` and ``等等 等`` are equally likely, and which of them is greater by the last digit depends on all
    that follows. Such runs are cut by the package jieba itself where it is installed; its dictionary is read at the
    first of them, which takes about a second. Without it rjieba's choice stands.

    Example:
        >>> WordSegmenter()("今天天气不错")
        ['今天天气', '不错']
    """

    def __call__(self, text: str) -> list[str]:
        """Splits the text into words."""
        if _REPEATED.search(text) is None or find_spec("jieba") is None:
            return self._quickly(text)
        pieces, start = [], 0
        for run in _RUN.finditer(text):
            if _REPEATED.search(run[0]) is not None:
                pieces += self._quickly(text[start : run.start()])
                pieces += own_jieba().lcut(run[0], HMM=False)
                start = run.end()
        return pieces + self._quickly(text[start:])

    def _quickly(self, text: str) -> list[str]:
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


# What jieba looks for words in, and one to three ideographs three times in a row.
_RUN = re.compile(r"[\u4e00-\u9fd5a-zA-Z0-9+#&._%\-]+")
_REPEATED = re.compile(r"([\u4e00-\u9fd5])(?=\1\1|(.)\1\2\1\2|(.)(.)\1\3\4\1\3\4)")
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
