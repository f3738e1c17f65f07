"""What generation asks of a tokenizer: text to ids and back, and the two ids that are no text."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ..tokenize import Encoding

__all__ = ["LanguageTokenizer"]


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
