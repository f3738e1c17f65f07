"""Views of a text that should have its vector: words deleted, a span kept, synonyms put in; no torch.

Dropout, the mildest view of all, happens in the encoder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..tokenize import Segmenter, WordSegmenter

__all__ = ["TextViews", "crop_span", "delete_words", "replace_by_synonyms"]


def delete_words(words: Sequence[str], *, prob: float, rng: np.random.Generator) -> list[str]:
    """Drops each word with a probability; one is kept whatever happens.

    Args:
        words: The words of a text.
        prob: Probability of dropping a word.
        rng: Source of the choice.

    Returns:
        The words kept, in order.

    Example:
        >>> delete_words(["今天", "天气", "不错"], prob=0.0, rng=np.random.default_rng(0))
        ['今天', '天气', '不错']
    """
    if not words:
        return []
    keep = rng.random(len(words)) >= prob
    keep[int(rng.integers(len(words)))] |= not keep.any()
    return [word for word, kept in zip(words, keep.tolist(), strict=True) if kept]


def crop_span(words: Sequence[str], *, share: float, rng: np.random.Generator) -> list[str]:
    """Keeps a stretch of ``max(1, round(share * n))`` words, anywhere.

    Args:
        words: The words of a text.
        share: Share of the words to keep.
        rng: Source of the choice.

    Returns:
        The words kept.

    Example:
        >>> len(crop_span(list("今天天气不错"), share=0.5, rng=np.random.default_rng(0)))
        3
    """
    if not words:
        return []
    n = max(1, round(share * len(words)))
    start = int(rng.integers(len(words) - n + 1))
    return list(words[start : start + n])


def replace_by_synonyms(
    words: Sequence[str], synonyms: Mapping[str, Sequence[str]], *, prob: float, rng: np.random.Generator
) -> list[str]:
    """Replaces each word with a probability by one of its synonyms.

    A word that is not listed backs off to the longest of its parts that is, the first of several: where 天气 is listed
    and jieba cuts 今天天气 as one word, 天气 in it is replaced. A word without a listed part stays.

    Args:
        words: The words of a text.
        synonyms: For every listed word at least one other.
        prob: Probability of replacing a word.
        rng: Source of the choice.

    Returns:
        As many words.

    Example:
        >>> replace_by_synonyms(["今天天气", "不错"], {"天气": ["气候"]}, prob=1.0, rng=np.random.default_rng(0))
        ['今天气候', '不错']
    """
    replaced = []
    for word, drawn in zip(words, (rng.random(len(words)) < prob).tolist(), strict=True):
        part = _longest_listed(word, synonyms) if drawn else None
        if part is None:
            replaced.append(word)
            continue
        others = synonyms[part]
        replaced.append(word.replace(part, others[int(rng.integers(len(others)))], 1))
    return replaced


@dataclass(frozen=True)
class TextViews:
    """Makes views: synonyms, then a span, then deletion; what is 0 (or a span of 1) does nothing.

    Args:
        delete_prob: Probability of dropping a word.
        span_share: Share of the words that a view keeps as one stretch.
        synonym_prob: Probability of replacing a word by a synonym.
        synonyms: For every listed word the others.
        segmenter: Text to words.

    Raises:
        InputError: Synonyms are to be put in but none are given.

    Example:
        >>> TextViews()("今天天气不错", rng=np.random.default_rng(0))
        '今天天气不错'
    """

    delete_prob: float = 0.0
    span_share: float = 1.0
    synonym_prob: float = 0.0
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    segmenter: Segmenter = field(default_factory=WordSegmenter)

    def __post_init__(self) -> None:
        for name, value, good in (
            ("delete_prob", self.delete_prob, 0 <= self.delete_prob < 1),
            ("span_share", self.span_share, 0 < self.span_share <= 1),
            ("synonym_prob", self.synonym_prob, 0 <= self.synonym_prob <= 1),
        ):
            if not good:
                raise InputError(f"{name} is {value}, expected a share between 0 and 1", fix="correct the setting")
        if self.synonym_prob and not self.synonyms:
            raise InputError("synonyms are to be put in but none are given", fix="name a list of synonyms")

    def __call__(self, text: str, *, rng: np.random.Generator) -> str:
        """Returns a view of a text that is not empty."""
        if not self.delete_prob and self.span_share == 1 and not self.synonym_prob:
            return text
        words = self.segmenter(text)
        if self.synonym_prob:
            words = replace_by_synonyms(words, self.synonyms, prob=self.synonym_prob, rng=rng)
        if self.span_share < 1:
            words = crop_span(words, share=self.span_share, rng=rng)
        if self.delete_prob:
            words = delete_words(words, prob=self.delete_prob, rng=rng)
        # A view of nothing but spaces says nothing.
        return "".join(words).strip() or text


def _longest_listed(word: str, synonyms: Mapping[str, Sequence[str]]) -> str | None:
    for size in range(len(word), 0, -1):
        for start in range(len(word) - size + 1):
            if word[start : start + size] in synonyms:
                return word[start : start + size]
    return None
