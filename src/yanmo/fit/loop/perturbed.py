"""What adversarial regularizers perturb in a run: the token table where it learns, else the first states that do."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ...encode import Encoder
from ...errors import InputError
from ...layers import Block
from ...regularize import Scope, shifted_input

__all__ = ["LayerInput", "Perturbed", "TokenTable", "perturbed_part"]


@runtime_checkable
class Perturbed(Protocol):
    """Something that a batch's loss depends on and that can be moved."""

    @property
    def scope(self) -> Scope:
        """What the length of a move is taken over."""
        ...

    def opened(self, inputs: Mapping[str, Tensor]) -> AbstractContextManager[list[Tensor]]:
        """Gives the leaves to take gradients of and to move while the batch is computed."""
        ...


class TokenTable:
    """The rows of the token table, as is common in Chinese practice: a token moves alike wherever it stands.

    Args:
        word: The table.
    """

    scope = Scope.WHOLE

    def __init__(self, word: nn.Embedding) -> None:
        self._weight = word.weight

    @contextmanager
    def opened(self, inputs: Mapping[str, Tensor]) -> Iterator[list[Tensor]]:  # noqa: ARG002 - the seam's
        """Gives the table's weight."""
        yield [self._weight]


class LayerInput:
    """The states that enter a block, every row's by its own length: where the table is frozen or was not even run.

    Args:
        block: Called once a pass, with states [batch, seq, hidden].
        width: Size of the hidden axis.
    """

    scope = Scope.EXAMPLE

    def __init__(self, block: nn.Module, *, width: int) -> None:
        self._block = block
        self._width = width

    @contextmanager
    def opened(self, inputs: Mapping[str, Tensor]) -> Iterator[list[Tensor]]:
        """Gives zeros that are added to the states; ``inputs`` holds the batch's ``mask``, [batch, seq]."""
        like = next(self._block.parameters())
        shape = (*inputs["mask"].shape, self._width)
        offset = torch.zeros(shape, dtype=like.dtype, device=like.device, requires_grad=True)
        with shifted_input(self._block, offset):
            yield [offset]


def perturbed_part(encoder: Encoder) -> Perturbed:
    """Chooses what to move in an encoder, after parts of it were frozen.

    Args:
        encoder: The encoder.

    Returns:
        The token table if it learns, otherwise the input of the lowest block that learns.

    Raises:
        InputError: Neither does.
    """
    if encoder.embedding.word.weight.requires_grad:
        return TokenTable(encoder.embedding.word)
    for block in encoder.blocks:
        if isinstance(block, Block) and any(p.requires_grad for p in block.parameters()):
            return LayerInput(block, width=block.attention.out.out_features)
    raise InputError("no layer of the encoder learns, so there is nothing to perturb", fix="lower frozen_layers")
