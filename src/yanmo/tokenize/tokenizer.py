"""The interfaces of all tokenizers, and ``Encoding``, what they make of one text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoding", "TextTokenizer", "Tokenizer", "with_special_tokens"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The tokens of one text, without special tokens.

    Attributes:
        token_ids: Token ids, int32[n].
        offsets: Start and end of every token in the text, in characters, int32[n, 2].
    """

    token_ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


@runtime_checkable
class TextTokenizer(Protocol):
    """Interface of every tokenizer: text to token ids, whether or not it has special tokens."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        ...

    @property
    def pad_id(self) -> int:
        """Id of padding."""
        ...

    def encode(self, text: str) -> Encoding:
        """Encodes one text."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts; the same as one by one."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into a model folder."""
        ...


@runtime_checkable
class Tokenizer(TextTokenizer, Protocol):
    """Interface of an encoder's tokenizer, which has a token that begins an input and one that ends a text."""

    @property
    def cls_id(self) -> int:
        """Id of the token that opens an input."""
        ...

    @property
    def sep_id(self) -> int:
        """Id of the token that ends a text."""
        ...

    @property
    def n_between(self) -> int:
        """Number of ``sep_id`` between the two texts of a joint pair: 1 for BERT, 2 for RoBERTa and XLM-R."""
        ...


def with_special_tokens(tokenizer: TextTokenizer, text: str) -> list[int]:
    """Encodes one text between the opening and the ending token, where the tokenizer has them.

    Args:
        tokenizer: Any tokenizer.
        text: The text.

    Returns:
        ``[CLS] ids [SEP]``; for a language model's tokenizer the ids alone.
    """
    if not isinstance(tokenizer, Tokenizer):
        alone: list[int] = tokenizer.encode(text).token_ids.tolist()
        return alone
    return [tokenizer.cls_id, *tokenizer.encode(text).token_ids.tolist(), tokenizer.sep_id]
