"""The sizes of a CPM language model, and the GPT-2 configuration that says the same."""

from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..tokenize import CpmTokenizer

__all__ = ["CPM_LM", "CpmConfig", "heads_of"]

# No weight tells the number of heads. These are the three sizes that were published, by their width.
_HEADS = {768: 12, 1024: 16, 2560: 32}


@dataclass(frozen=True)
class CpmConfig:
    """Sizes of a GPT-2 as CPM's authors trained it; the feed-forward part is four times as wide as the rest.

    Attributes:
        n_layers: Number of layers.
        width: Width of the hidden states.
        n_heads: Number of attention heads.
        n_positions: Longest input in tokens.
        vocab_size: Number of token ids.

    Raises:
        InputError: The width is no multiple of the heads, or a size is below 1.

    Source: arXiv:2012.00413.
    """

    n_layers: int
    width: int
    n_heads: int
    n_positions: int
    vocab_size: int

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if size < 1:
                raise InputError(f"{name} is {size}, expected 1 or more", fix="check the checkpoint")
        if self.width % self.n_heads:
            raise InputError(
                f"a width of {self.width} cannot be shared by {self.n_heads} heads", fix="name the model's own number"
            )

    def to_hf(self, tokenizer: CpmTokenizer, *, dtype: str) -> dict[str, Any]:
        """Gives ``config.json`` of a ``GPT2LMHeadModel``.

        The activation is the one by tanh, and a document begins after the end of another: ``<eod>`` is both.

        Args:
            tokenizer: Knows the ids of the special tokens.
            dtype: Element type of the weights on disk.

        Returns:
            The fields.
        """
        return {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": self.vocab_size,
            "n_positions": self.n_positions,
            "n_embd": self.width,
            "n_layer": self.n_layers,
            "n_head": self.n_heads,
            "n_inner": 4 * self.width,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "tie_word_embeddings": True,
            "bos_token_id": tokenizer.eod_id,
            "eos_token_id": tokenizer.eod_id,
            "pad_token_id": tokenizer.pad_id,
            "dtype": dtype,
        }


CPM_LM = CpmConfig(n_layers=32, width=2560, n_heads=32, n_positions=1024, vocab_size=30000)
"""The model of 2.6 billion parameters."""


def heads_of(width: int) -> int:
    """Gives the number of attention heads of the published model with a given width.

    Args:
        width: Width of the hidden states.

    Returns:
        The number.

    Raises:
        InputError: No model of this width was published.

    Example:
        >>> heads_of(2560)
        32
    """
    if width not in _HEADS:
        known = ", ".join(f"{heads} for {size}" for size, heads in _HEADS.items())
        raise InputError(
            f"the checkpoint does not say how many heads share its width of {width} (published: {known})",
            fix="add --heads",
        )
    return _HEADS[width]
