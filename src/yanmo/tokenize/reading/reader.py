"""Texts as a matcher reads them: the one place where the declared steps are taken and tokens made of what they give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..folder import FolderTokenizer
from ..special import unknown_id_of
from ..tokenizer import Encoding, Tokenizer
from .normalization import TextNormalization
from .prepared import prepared_text
from .traced import TracedText
from .unknown import UnknownSpelling

__all__ = ["ReadText", "TextReader"]

_ROUNDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class ReadText:
    """One text as tokens.

    Attributes:
        token_ids: Those of the prefix and of the text, int32[n].
        offsets: Where in the text as it was given each token stands, int32[n, 2]; of the prefix nowhere (0, 0).
        n_unknown: Pieces of the text that the vocabulary lacks, whether they were spelled or not.
        is_blank: Whether there is nothing to read in it: only white space, or what a step or the tokenizer drops.
    """

    token_ids: NDArray[np.int32]
    offsets: NDArray[np.int32]
    n_unknown: int
    is_blank: bool


class TextReader:
    """Reads texts by the steps that a matcher declares; without any it gives the tokenizer's own tokens.

    Args:
        tokenizer: Text to tokens; left as it is.
        normalization: The steps.
        prefix: Put before each text as it is, such as e5's ``"query: "``.
    """

    def __init__(self, tokenizer: Tokenizer, normalization: TextNormalization, *, prefix: str = "") -> None:
        self.normalization = normalization
        self.prefix = prefix
        self._tokenizer = tokenizer
        self._unknown_id = unknown_id_of(tokenizer)
        self._spelling: UnknownSpelling | None = None
        if normalization.spell_unknown and self._unknown_id is not None:
            spelling = UnknownSpelling(self._encode, unknown_id=self._unknown_id)
            # Without letters unknown pieces stay what they are, and are counted.
            self._spelling = spelling if spelling.can_spell else None
        self.n_prefix = len(self._encode([prefix])[0].token_ids) if prefix else 0
        """Tokens of the prefix."""

    def read(self, texts: Sequence[str]) -> list[ReadText]:
        """Reads texts, the same alone as in company.

        Args:
            texts: The texts.

        Returns:
            The tokens of each, in order.
        """
        traced = [prepared_text(text, self.normalization) for text in texts]
        encodings = self._tokens(traced)
        n_unknown = [int((encoding.token_ids == self._unknown_id).sum()) for encoding in encodings]
        is_blank = [self._is_blank(*each) for each in zip(traced, encodings, strict=True)]
        if self._spelling is not None:
            rows = [i for i, n in enumerate(n_unknown) if n]
            # A mark may have been part of an unknown character and become one where that was taken away.
            for _ in range(_ROUNDS):
                spelled = self._spelling.spelled(
                    [traced[i] for i in rows], [encodings[i] for i in rows], start=len(self.prefix)
                )
                for i, text, encoding in zip(rows, spelled, self._tokens(spelled), strict=True):
                    traced[i], encodings[i] = text, encoding
                rows = [i for i in rows if (encodings[i].token_ids == self._unknown_id).any()]
        return [self._read(*each) for each in zip(traced, encodings, n_unknown, is_blank, strict=True)]

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        # The only one that finds special tokens in texts: ours cut a text before anything is looked up.
        if self.normalization.special_tokens_as_text and isinstance(self._tokenizer, FolderTokenizer):
            return self._tokenizer.encode_batch_as_text(texts)
        return self._tokenizer.encode_batch(texts)

    def _tokens(self, texts: Sequence[TracedText]) -> list[Encoding]:
        return self._encode([self.prefix + text.text for text in texts]) if texts else []

    def _is_blank(self, text: TracedText, encoding: Encoding) -> bool:
        return len(encoding.token_ids) <= self.n_prefix or not text.text.strip()

    def _read(self, text: TracedText, encoding: Encoding, n_unknown: int, is_blank: bool) -> ReadText:
        offsets = text.original(np.maximum(encoding.offsets - len(self.prefix), 0))
        return ReadText(encoding.token_ids, offsets, n_unknown, is_blank)
