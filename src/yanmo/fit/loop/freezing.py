"""Parts of a network that stand still in training: frozen layers, and dropout set to another probability."""

from torch import nn

from ...encode import Encoder
from ...errors import InputError

__all__ = ["freeze_encoder", "set_dropout"]


def freeze_encoder(encoder: Encoder, *, n_layers: int, embedding: bool) -> None:
    """Stops the lowest parts of an encoder from learning.

    Args:
        encoder: Changed in place.
        n_layers: So many lowest blocks are frozen.
        embedding: Whether the embedding is; where a decoder shares its token table, that then is too.

    Raises:
        InputError: There are fewer blocks.
    """
    blocks = encoder.blocks
    if n_layers > len(blocks):
        raise InputError(f"cannot freeze {n_layers} of {len(blocks)} layers", fix="lower frozen_layers")
    for block in blocks[:n_layers]:
        block.requires_grad_(False)
    if embedding:
        encoder.embedding.requires_grad_(False)


def set_dropout(module: nn.Module, probability: float) -> None:
    """Sets the probability of every dropout in a module.

    Args:
        module: Changed in place.
        probability: Probability of dropping a component.
    """
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = probability
