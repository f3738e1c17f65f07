"""A folder's tokenizer, refused where the folder's network has no row for one of its tokens."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import InputError
from .folder import load_tokenizer
from .tokenizer import Tokenizer

__all__ = ["HasVocabulary", "load_fitting_tokenizer"]


@runtime_checkable
class HasVocabulary(Protocol):
    """A description of a network that says how many rows its word table has."""

    @property
    def vocab_size(self) -> int:
        """Rows of the word table."""
        ...


def load_fitting_tokenizer(folder: Path, config: HasVocabulary) -> Tokenizer:
    """Loads a folder's tokenizer and makes sure that every token has a row in the encoder's table.

    Args:
        folder: A Hugging Face folder.
        config: Its encoder's configuration.

    Returns:
        The tokenizer.

    Raises:
        InputError: There is no tokenizer, or it is of another model.
    """
    tokenizer = load_tokenizer(folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise InputError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, the embedding {config.vocab_size} rows",
            where=folder,
            fix="tokenizer and weights must be of one model",
        )
    return tokenizer
