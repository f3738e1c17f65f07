"""What every tokenizer of Yanmo does, and what one text becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoding", "Tokenizer", "with_special_tokens"]


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
class Tokenizer(Protocol):
    """Text to token ids."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        ...

    @property
    def cls_id(self) -> int:
        """Id of the token that opens an input."""
        ...

    @property
    def sep_id(self) -> int:
        """Id of the token that ends a text."""
        ...

    @property
    def pad_id(self) -> int:
        """Id of padding."""
        ...

    @property
    def n_between(self) -> int:
        """Number of ``sep_id`` between the two texts of a joint pair: 1 for BERT, 2 for RoBERTa and XLM-R."""
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


def with_special_tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """Encodes one text between the opening and the ending token.

    Args:
        tokenizer: Any tokenizer.
        text: The text.

    Returns:
        ``[CLS] ids [SEP]``.
    """
    return [tokenizer.cls_id, *tokenizer.encode(text).token_ids.tolist(), tokenizer.sep_id]
