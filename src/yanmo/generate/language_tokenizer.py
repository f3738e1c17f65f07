"""What generation asks of a tokenizer: text to ids and back, and the two ids that are no text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import InputError
from ..tokenize import Encoding

__all__ = ["LanguageTokenizer", "refuse_other_vocabulary"]


@runtime_checkable
class LanguageTokenizer(Protocol):
    """Text to token ids and back; nothing is added to either."""

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        ...

    @property
    def pad_id(self) -> int:
        """Id of padding; never generated."""
        ...

    @property
    def eod_id(self) -> int:
        """Id that ends a document, and therefore also stands before one."""
        ...

    @property
    def start_ids(self) -> tuple[int, ...]:
        """Ids that stand before every text; none where texts begin at once."""
        ...

    def encode(self, text: str) -> Encoding:
        """Encodes one text."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Gives the text of some ids; an unfinished character at their end may come out as U+FFFD."""
        ...


def refuse_other_vocabulary(tokenizer: LanguageTokenizer, n_rows: int, *, where: Path | None = None) -> None:
    """Refuses a tokenizer that is not a model's own.

    Args:
        tokenizer: The tokenizer.
        n_rows: Rows of the model's token table.
        where: The model's folder, for the message.

    Raises:
        InputError: It has another number of ids.
    """
    if tokenizer.vocab_size != n_rows:
        raise InputError(
            f"the tokenizer has {tokenizer.vocab_size} ids, the model {n_rows}",
            where=where,
            fix="take the vocabulary the model was trained with",
        )
