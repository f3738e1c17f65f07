"""How well a vocabulary fits texts: characters a token, share of unknown tokens, words that are one token."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from .plain_form import plain_form
from .segment import WordSegmenter
from .word import WordTokenizer

__all__ = ["Coverage", "measure_coverage"]

_PART = 256
_CHINESE = re.compile("[一-龥]")


@dataclass(frozen=True)
class Coverage:
    """How well a vocabulary fits some texts, as counts of characters, words and tokens.

    Attributes:
        n_texts: Texts that are not empty.
        n_characters: Their characters, white space included.
        n_tokens: Their tokens, special tokens not included.
        n_unknown: Tokens that are ``[UNK]``.
        n_words: Chinese words of several characters, as jieba's dictionary cuts them.
        n_whole: Of these, the ones that are one token.
    """

    n_texts: int
    n_characters: int
    n_tokens: int
    n_unknown: int
    n_words: int
    n_whole: int

    @property
    def characters_per_token(self) -> float:
        """Mean number of characters per token; a higher number means shorter inputs."""
        return self.n_characters / max(self.n_tokens, 1)

    @property
    def unknown_share(self) -> float:
        """Share of ``[UNK]`` among the tokens: the out-of-vocabulary rate."""
        return self.n_unknown / max(self.n_tokens, 1)

    @property
    def word_share(self) -> float:
        """Share of the words of several characters that are one token."""
        return self.n_whole / max(self.n_words, 1)


def measure_coverage(texts: Iterable[str], tokenizer: WordTokenizer) -> Coverage:
    """Tokenizes texts and counts their characters, words and tokens, a few hundred texts at a time.

    Args:
        texts: The texts.
        tokenizer: A word tokenizer, or the character one over the same or another vocabulary.

    Returns:
        The counts.

    Example:
        >>> from yanmo.tokenize import Vocabulary
        >>> words = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "今天天气", "不"])
        >>> fit = measure_coverage(["今天天气不错"], WordTokenizer(words, segmenter=WordSegmenter()))
        >>> fit.n_tokens, fit.characters_per_token, fit.n_unknown, fit.word_share
        (3, 2.0, 1, 0.5)
    """
    cut, unknown = WordSegmenter(), tokenizer.vocabulary["[UNK]"]
    n_texts = n_characters = n_tokens = n_unknown = n_words = n_whole = 0
    filled = filter(None, texts)
    while part := list(islice(filled, _PART)):
        n_texts += len(part)
        for text, encoding in zip(part, tokenizer.encode_batch(part), strict=True):
            n_characters += len(text)
            n_tokens += len(encoding.token_ids)
            is_known = encoding.token_ids != unknown
            n_unknown += int((~is_known).sum())
            n_words += sum(map(_is_long, cut(plain_form(text))))
            long = encoding.offsets[is_known & (encoding.offsets[:, 1] - encoding.offsets[:, 0] > 1)]
            n_whole += sum(_is_long(text[start:end]) for start, end in long.tolist())
    return Coverage(n_texts, n_characters, n_tokens, n_unknown, n_words, n_whole)


def _is_long(word: str) -> bool:
    return len(word) > 1 and _CHINESE.search(word) is not None
