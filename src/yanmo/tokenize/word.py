"""The word tokenizer: a word in the vocabulary is a token, any other falls back on BERT's own tokenization."""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from .compiled.records import NO_TOKEN, WordRecords
from .plain_form import plain_form, plain_form_and_origins
from .segment import CharacterSegmenter, Segmenter, WordSegmenter
from .tokenizer import Encoding
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from .compiled.words import CompiledWords

__all__ = ["WordTokenizer"]

_PART = 1 << 16
# Characters given in batches after which a second spent on compiled code is won back within as many again.
_PATIENCE = 1 << 22
# Calling compiled code costs as much as this many characters cost without it.
_SHORT = 100
_NOTHING = pack("2i", NO_TOKEN, 1)


class WordTokenizer:
    """WoBERT's tokenizer; with ``CharacterSegmenter`` it is BERT's.

    The text is brought to lower case without combining marks, cut by the segmenter, and every piece is looked up; a
    piece that is no token is tokenized by BERT's algorithm. Ids equal those of the original (bert4keras, jieba
    without its hidden Markov model). Pickles, so that worker processes can use it.

    With numba and jieba installed (``pip install 'yanmo[words]'``) a tokenizer of words that has been given some four
    million characters in batches goes on in compiled code: the same ids, several times as fast.

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
        # BERT's algorithm never asks for a piece of several words, even if the vocabulary happens to hold it.
        words = {} if isinstance(segmenter, CharacterSegmenter) else self._ids
        self._records = WordRecords(self._ids, words=words, unknown=vocabulary["[UNK]"])
        self._compiled: CompiledWords | None = None
        self._patience = _PATIENCE if isinstance(segmenter, WordSegmenter) else None

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

    def id_of(self, token: str) -> int | None:
        """Id of a token as it is spelled in the vocabulary; None where there is none."""
        return self._ids.get(token)

    def ids(self, text: str) -> list[int]:
        """Token ids of a text without special tokens and without offsets: the quick way.

        Args:
            text: The text.

        Returns:
            Token ids.
        """
        joined = self._joined(plain_form(text) if self.lower_case else text)
        found: list[int] = memoryview(joined).cast("i").tolist()[::2]
        return [token for token in found if token != NO_TOKEN] if NO_TOKEN in found else found

    def ids_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of many texts; the same as one by one, and quicker.

        Args:
            texts: The texts.

        Returns:
            Token ids of every text.
        """
        found: list[list[int]] = []
        for part in _parts(texts):
            token_ids, _, cuts = self._locate(part)
            together = token_ids.tolist()
            found += [together[first:last] for first, last in cuts]
        return found

    def encode(self, text: str) -> Encoding:
        """Encodes one text.

        Args:
            text: The text.

        Returns:
            Ids and, for every token, where in ``text`` it stands.
        """
        return Encoding(*self._tokens(text))

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts; the same as one by one, and quicker."""
        found: list[Encoding] = []
        for part in _parts(texts):
            token_ids, offsets, cuts = self._locate(part)
            found += [Encoding(token_ids[first:last], offsets[first:last]) for first, last in cuts]
        return found

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

    def _joined(self, plain: str) -> bytes:
        """The records of all words of a plain text."""
        return b"".join(map(self._records.__getitem__, self.segmenter(plain)))

    def _plain_tokens(self, plain: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Ids, int32[n], and offsets in a plain text, int32[n, 2]."""
        if self._compiled is not None and len(plain) > _SHORT:
            return self._compiled.tokens(plain)
        rows = np.frombuffer(self._joined(plain), dtype=np.int32).reshape(-1, 2)
        offsets = np.empty(rows.shape, dtype=np.int32)
        np.add.accumulate(rows[:, 1], dtype=np.int32, out=offsets[:, 1])
        np.subtract(offsets[:, 1], rows[:, 1], out=offsets[:, 0])
        places = np.flatnonzero(rows[:, 0] != NO_TOKEN)
        if len(places) < len(rows):
            rows, offsets = rows.take(places, 0), offsets.take(places, 0)
        return rows[:, 0].copy(), offsets

    def _tokens(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Ids, int32[n], and offsets, int32[n, 2]."""
        plain, origin = plain_form_and_origins(text) if self.lower_case else (text, None)
        token_ids, offsets = self._plain_tokens(plain)
        if origin is not None:
            offsets = np.stack([origin[offsets[:, 0]], origin[offsets[:, 1] - 1] + 1], -1)
        return token_ids, offsets

    def _locate(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32], list[tuple[int, int]]]:
        """Ids and offsets of many texts, and where among them each text's tokens begin and end."""
        lengths = np.fromiter(map(len, texts), dtype=np.int32, count=len(texts))
        begins = np.add.accumulate(lengths + 1, dtype=np.int32) - lengths - 1
        self._count(int(lengths.sum()))
        token_ids, offsets = self._tokens(" ".join(texts))
        first = np.searchsorted(offsets[:, 0].copy(), begins)
        last = np.append(first[1:], len(offsets))
        if self._records[" "] != _NOTHING:
            last[:-1] -= 1  # the vocabulary holds the space that parts the texts
        offsets -= np.repeat(begins, np.diff(first, append=len(offsets)))[:, None]
        return token_ids, offsets, list(zip(first.tolist(), last.tolist(), strict=True))

    def _count(self, n_characters: int) -> None:
        """Changes to compiled code, where that can be, once it is worth its time."""
        if self._patience is None:
            return
        self._patience -= n_characters
        if self._patience < 0:
            self._patience = None
            if all(find_spec(name) for name in ("numba", "jieba")):
                # Here, since numba alone takes longer to import than most have to tokenize.
                from .compiled.words import CompiledWords

                self._compiled = CompiledWords(self._records)


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Consecutive texts, as many as reach some ten thousand characters.

    jieba's dictionary and ours do not fit into a processor's cache together: each part pays for the change from the
    one to the other and back.
    """
    ends = list(accumulate(map(len, texts)))
    first = n_characters = 0
    while first < len(texts):
        last = min(bisect_left(ends, n_characters + _PART) + 1, len(texts))
        yield texts[first:last]
        first, n_characters = last, ends[last - 1]
