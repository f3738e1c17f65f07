"""What holds for every matcher's folder, whatever scores it: names of the weight files, a tokenizer that fits them."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import InputError
from ..tokenize import Tokenizer, load_tokenizer

__all__ = ["ONNX_FILE", "OPENVINO_FILE", "TORCH_FILE", "HasVocabulary", "load_fitting_tokenizer"]

ONNX_FILE = "model.onnx"
OPENVINO_FILE = "openvino_model.xml"
TORCH_FILE = "model.safetensors"


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
