"""Words of a text with their places and tags, so that an edit touches only what stands alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

__all__ = ["Word", "Words", "cut_words"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of jieba's dictionary, or a run that it knows no word in.

    Args:
        text: The word.
        start: Index of its first character.
        end: Index behind its last one.
        tag: jieba's part of speech: ``v`` for verbs, ``nr`` for people, ``ns`` for places.
    """

    text: str
    start: int
    end: int
    tag: str


@dataclass(frozen=True)
class Words:
    """The cut of one text.

    Args:
        text: The text.
        words: Its words, in order; together they are the text.
        edges: Every index at which a word begins or ends.
    """

    text: str
    words: tuple[Word, ...]
    edges: frozenset[int]

    def stands_alone(self, start: int, end: int) -> bool:
        """Whether no word reaches over either end of the span."""
        return start in self.edges and end in self.edges

    def find(self, part: str) -> list[int]:
        """The starts of all places where a part stands alone."""
        found, start = [], self.text.find(part)
        while start >= 0:
            if self.stands_alone(start, start + len(part)):
                found.append(start)
            start = self.text.find(part, start + len(part))
        return found

    def before(self, index: int) -> str:
        """The word that ends at the index, or the empty text."""
        return next((word.text for word in self.words if word.end == index), "")

    def after(self, index: int) -> str:
        """The word that starts at the index, or the empty text."""
        return next((word.text for word in self.words if word.start == index), "")


@lru_cache(maxsize=256)
def cut_words(text: str) -> Words:
    """Cuts a text by jieba's dictionary alone, as `yanmo.tokenize.WordSegmenter` does, with tags.

    Args:
        text: The text.

    Returns:
        Its words.

    Example:
        >>> [word.text for word in cut_words("公开通报一人").words]
        ['公开', '通报', '一', '人']
    """
    words, start = [], 0
    # Half a surrogate pair cannot cross into Rust; a character of no meaning stands in for it.
    stand_in = "".join("\ue000" if "\ud800" <= ch <= "\udfff" else ch for ch in text)
    for word in _tag()(stand_in, False):
        end = start + len(word[0])
        words.append(Word(text[start:end], start, end, word[1]))
        start = end
    return Words(text, tuple(words), frozenset({0, *(word.end for word in words)}))


@cache
def _tag() -> Callable[[str, bool], list[Any]]:
    from rjieba import tag  # at first use: it reads its dictionary when imported

    found: Callable[[str, bool], list[Any]] = tag
    return found
