"""Cutting text into the units that are looked up whole: words by jieba, or single characters."""

from typing import Protocol, runtime_checkable

import rjieba

__all__ = ["CharacterSegmenter", "Segmenter", "WordSegmenter"]


@runtime_checkable
class Segmenter(Protocol):
    """Text to consecutive pieces that together are the text."""

    def __call__(self, text: str) -> list[str]:
        """Cuts the text."""
        ...


class WordSegmenter:
    """Words as jieba cuts them from its dictionary alone (no hidden Markov model for unknown words).

    Example:
        >>> WordSegmenter()("今天天气不错")
        ['今天天气', '不错']
    """

    def __call__(self, text: str) -> list[str]:
        """Cuts the text into words."""
        # A character outside every encoding (half of a surrogate pair) cannot cross into Rust. It is in no dictionary,
        # so standing in for it with another such character leaves the cuts where they were.
        try:
            return rjieba.cut(text, False)
        except UnicodeEncodeError:
            stand_in = "".join("\ue000" if "\ud800" <= ch <= "\udfff" else ch for ch in text)
            pieces, start = [], 0
            for piece in rjieba.cut(stand_in, False):
                pieces.append(text[start : start + len(piece)])
                start += len(piece)
            return pieces


class CharacterSegmenter:
    """The whole text as one piece: BERT's own algorithm then splits it to characters and word pieces."""

    def __call__(self, text: str) -> list[str]:
        """Returns the text uncut."""
        return [text] if text else []
