"""Words taken out of a pair of texts, and which an answer may hang on: by rule, before any model is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..data.edits.words import Word, cut_words

__all__ = ["Part", "Removal", "likely_removals"]

Texts = tuple[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A run of characters of one of the two texts.

    Attributes:
        side: 0 for the first text, 1 for the second.
        start: Index of its first character.
        end: Index behind its last one.
    """

    side: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Parts that are taken out together.

    Attributes:
        parts: The parts, none of which overlaps another.
        weight: How much of the answer they are thought to carry; only their order counts.
    """

    parts: tuple[Part, ...]
    weight: float

    @property
    def n_characters(self) -> int:
        """Characters that it takes out."""
        return sum(part.end - part.start for part in self.parts)

    def without(self, texts: Texts) -> Texts:
        """The texts that are left."""
        left = list(texts)
        for part in sorted(self.parts, reverse=True):
            left[part.side] = left[part.side][: part.start] + left[part.side][part.end :]
        return left[0], left[1]

    def joined(self, other: "Removal") -> "Removal":
        """Both together; what both take out is taken out once."""
        return Removal(_merged([*self.parts, *other.parts]), self.weight + other.weight)


# How much of a sentence's meaning words of a kind carry, by the first letter of jieba's tags, seen on pairs of two
# development sets; punctuation and particles next to nothing.
_TAG_WEIGHTS = {"n": 1.0, "e": 1.0, "v": 0.9, "a": 0.8, "i": 1.0, "l": 0.9, "j": 1.0, "m": 0.8, "t": 0.8, "s": 0.8}
_OTHER_WEIGHT = 0.4
_EMPTY_WEIGHT = 0.05
_EMPTY_TAGS = "xuyocpwk"
_NEGATIONS = frozenset("不没无未非别莫")
_READ = 2000  # characters of each text whose words are looked at; models read no more
_UNMATCHED = 0.5  # of a word's weight, where nothing of it stands in the other text


def likely_removals(texts: Texts, *, accepted: bool, limit: int) -> list[Removal]:
    """Gives what an answer may hang on, most likely first: words of a match, differences of a non-match.

    A match hangs on words of meaning, those most that both texts have; a non-match on the places where the texts
    differ, of which both sides are taken out. What is longer than the limit is cut to its heaviest words, and a word
    that is longer to its first characters.

    Args:
        texts: The pair.
        accepted: Whether it was judged a match.
        limit: Characters that may be taken out at once, at least 1.

    Returns:
        The removals, each within the limit.

    Example:
        >>> [texts for r in likely_removals(("感冒吃什么药", "发烧吃什么药"), accepted=False, limit=4)[:1]
        ...  for texts in [r.without(("感冒吃什么药", "发烧吃什么药"))]]
        [('吃什么药', '吃什么药')]
    """
    words = [cut_words(text[:_READ]).words for text in texts]
    found = _of_match(words, limit) if accepted else _of_difference(words, limit)
    return sorted((removal for removal in found if removal.n_characters), key=lambda removal: -removal.weight)


def _of_match(words: list[tuple[Word, ...]], limit: int) -> list[Removal]:
    texts = ["".join(word.text for word in side) for side in words]
    shorter = int(len(texts[1]) < len(texts[0]))
    return [
        # Of a word that both have the side goes first where it is the larger part; the other side tells much the same.
        _within([(side, word)], limit, factor=_shared(word.text, texts[1 - side]) * (1.0 if side == shorter else 0.8))
        for side in (shorter, 1 - shorter)
        for word in words[side]
    ]


def _shared(word: str, other: str) -> float:
    """How far the other text has a word too, at least some half."""
    longest = SequenceMatcher(None, word, other, autojunk=False).find_longest_match().size
    return _UNMATCHED + (1 - _UNMATCHED) * longest / len(word)


def _of_difference(words: list[tuple[Word, ...]], limit: int) -> list[Removal]:
    left, right = ([word.text for word in side] for side in words)
    places = [
        [(side, word) for side, (start, end) in enumerate(((i, j), (k, m))) for word in words[side][start:end]]
        for kind, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
        if kind != "equal"
    ]
    found = [_within(place, limit) for place in places]
    whole = [each for place in places for each in place]
    if len(places) > 1:
        # With all of them gone the texts are one, if so much may go.
        found.append(_within(whole, limit, factor=2.0))
    return found + [_within([each], limit, factor=0.5) for each in whole]


def _within(chosen: Sequence[tuple[int, Word]], limit: int, *, factor: float = 1.0) -> Removal:
    """Takes words in the order of their weight while they fit."""
    parts, weight, left = [], 0.0, limit
    for side, word in sorted(chosen, key=lambda each: -_weight(each[1])):
        if len(word.text) <= left:
            parts.append(Part(side, word.start, word.end))
            weight += _weight(word)
            left -= len(word.text)
    if not parts and chosen:
        side, word = max(chosen, key=lambda each: _weight(each[1]))
        parts, weight = [Part(side, word.start, word.start + limit)], _weight(word) / 2
    return Removal(_merged(parts), factor * weight)


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Neighbors are one part, and so are parts that overlap."""
    made: list[Part] = []
    for part in sorted(parts):
        if made and made[-1].side == part.side and made[-1].end >= part.start:
            made[-1] = Part(part.side, made[-1].start, max(made[-1].end, part.end))
        else:
            made.append(part)
    return tuple(made)


def _weight(word: Word) -> float:
    if not word.text.strip():
        return 0.0
    if word.text[0] in _NEGATIONS:
        return 1.0
    if word.tag[:1] in _EMPTY_TAGS and not word.text.isalnum():
        return _EMPTY_WEIGHT
    return _TAG_WEIGHTS.get(word.tag[:1], _OTHER_WEIGHT)
