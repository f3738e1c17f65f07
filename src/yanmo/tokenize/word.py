"""The word tokenizer: a word in the vocabulary is a token, any other falls back on BERT's own tokenization."""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from .segment import CharacterSegmenter, Segmenter
from .tokenizer import Encoding
from .vocabulary import Vocabulary
from .wordpiece import Piece, pieces_of, plain_form

__all__ = ["WordTokenizer"]

_CACHED_WORDS = 1 << 17
# Longer pieces are rare and large: remembering them costs memory and saves nothing.
_CACHED_LENGTH = 32


class WordTokenizer:
    """WoBERT's tokenizer; with ``CharacterSegmenter`` it is BERT's.

    The text is brought to lower case without combining marks, cut by the segmenter, and every piece is looked up; a
    piece that is no token is tokenized by BERT's algorithm. Ids equal those of the original (bert4keras, jieba
    without its hidden Markov model). Pickles, so that worker processes can use it.

    Args:
        vocabulary: Tokens and ids.
        segmenter: Cuts text into the units to look up.
        lower_case: Whether to lower-case and drop combining marks first.

    Example:
        >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "今天天气", "不", "错"]
        >>> from yanmo.tokenize import WordSegmenter
        >>> WordTokenizer(Vocabulary(words), segmenter=WordSegmenter()).encode("今天天气不错").token_ids
        array([4, 5, 6], dtype=int32)

    Source: kexue.fm/archives/7758.
    """

    n_between = 1

    def __init__(self, vocabulary: Vocabulary, *, segmenter: Segmenter, lower_case: bool = True) -> None:
        self.vocabulary = vocabulary
        self.segmenter = segmenter
        self.lower_case = lower_case
        self._ids = vocabulary.ids
        self._unknown = vocabulary["[UNK]"]
        self._fallback = lru_cache(maxsize=_CACHED_WORDS)(self._pieces)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(WordTokenizer, segmenter=self.segmenter, lower_case=self.lower_case), (self.vocabulary,)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return len(self._ids)

    @property
    def cls_id(self) -> int:
        """Id of ``[CLS]``."""
        return self._ids["[CLS]"]

    @property
    def sep_id(self) -> int:
        """Id of ``[SEP]``."""
        return self._ids["[SEP]"]

    @property
    def pad_id(self) -> int:
        """Id of ``[PAD]``."""
        return self._ids["[PAD]"]

    def ids(self, text: str) -> list[int]:
        """Token ids of a text without special tokens and without offsets: the quick way.

        Args:
            text: The text.

        Returns:
            Token ids.
        """
        found: list[int] = []
        known, append = self._ids.get, found.append
        for word in self.segmenter(plain_form(text) if self.lower_case else text):
            token = known(word)
            if token is not None:
                append(token)
            else:
                found += [piece[0] for piece in self._split(word)]
        return found

    def encode(self, text: str) -> Encoding:
        """Encodes one text.

        Args:
            text: The text.

        Returns:
            Ids and, for every token, where in ``text`` it stands.
        """
        plain = plain_form(text) if self.lower_case else text
        pieces: list[Piece] = []
        start = 0
        for word in self.segmenter(plain):
            token = self._ids.get(word)
            if token is not None:
                pieces.append((token, start, start + len(word)))
            else:
                pieces.extend((i, start + low, start + high) for i, low, high in self._split(word))
            start += len(word)
        table = np.array(pieces, dtype=np.int32).reshape(-1, 3)
        offsets = table[:, 1:]
        if len(table) and self.lower_case and not text.isascii():
            origin = _origins(text, plain)
            if origin is not None:
                offsets = np.stack([origin[table[:, 1]], origin[table[:, 2] - 1] + 1], -1)
        return Encoding(np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(offsets))

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts; the same as one by one."""
        return [self.encode(text) for text in texts]

    def save(self, folder: Path) -> None:
        """Writes ``vocab.txt`` and ``tokenizer_config.json``.

        No ``tokenizer.json`` is written for words: its format has no jieba, and a file that splits to characters in
        silence is worse than none.

        Args:
            folder: The model folder; made if missing.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.vocabulary.save(folder / "vocab.txt")
        characters = isinstance(self.segmenter, CharacterSegmenter)
        values = {
            "tokenizer_class": "BertTokenizer" if characters else "RoFormerTokenizer",
            "do_lower_case": self.lower_case,
            "yanmo_tokenizer": "characters" if characters else "words",
        }
        with replacing(folder / "tokenizer_config.json") as temporary:
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    def _split(self, word: str) -> Sequence[Piece]:
        return self._fallback(word) if len(word) <= _CACHED_LENGTH else self._pieces(word)

    def _pieces(self, word: str) -> tuple[Piece, ...]:
        return tuple(pieces_of(word, ids=self._ids, unknown=self._unknown))


def _origins(text: str, plain: str) -> NDArray[np.int32] | None:
    """For every character of the plain form the index in the text of the one it came from; None for the same index."""
    if len(plain) == len(text) and all(map(_keeps_its_place, text)):
        return None
    widths = [len(plain_form(ch)) for ch in text]
    origin = np.repeat(np.arange(len(text), dtype=np.int32), widths)
    if len(origin) != len(plain):
        # A letter that only its neighbors make longer or shorter: count along growing beginnings of the text.
        ends = [len(plain_form(text[: i + 1])) for i in range(len(text))]
        origin = np.searchsorted(np.array(ends), np.arange(len(plain)), side="right").astype(np.int32)
    return origin


@lru_cache(maxsize=65536)
def _keeps_its_place(ch: str) -> bool:
    return len(plain_form(ch)) == 1
