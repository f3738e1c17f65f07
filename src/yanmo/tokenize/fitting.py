"""Loads a model folder's tokenizer and checks that the embedding table has a row for every token."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import InputError
from .folder import load_tokenizer
from .tokenizer import Tokenizer

__all__ = ["HasVocabulary", "load_fitting_tokenizer"]


@runtime_checkable
class HasVocabulary(Protocol):
    """A model configuration that states how many rows the token embedding table has."""

    @property
    def vocab_size(self) -> int:
        """Number of rows of the token embedding table."""
        ...


def load_fitting_tokenizer(folder: Path, config: HasVocabulary) -> Tokenizer:
    """Loads a folder's tokenizer and refuses it if a token has no row in the encoder's embedding table.

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
