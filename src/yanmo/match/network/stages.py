"""What a pair's forward pass is made of: stages of blocks, each over texts or pairs, under a task or for all."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...encode import Encoder
from ...layers import ConditionalLayerNorm
from ...tokenize import EncodedPair

__all__ = ["Piece", "Stage", "Unit", "pieces_of", "stages_of"]

_NO_TASK = -1


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One text of a pair as the encoder reads it; equal pieces have equal keys."""

    token_ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]
    position_ids: NDArray[np.int32]
    key: bytes = field(init=False)

    def __post_init__(self) -> None:
        arrays = (self.token_ids, self.type_ids, self.position_ids)
        object.__setattr__(self, "key", b"".join(array.tobytes() for array in arrays))

    def __len__(self) -> int:
        return len(self.token_ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Piece) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a stage computes states of: a text or a pair, under a task or for all of them."""

    pieces: tuple[Piece, ...]
    task: int

    def __len__(self) -> int:
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class Stage:
    """The blocks from ``first`` up to ``last``, over one kind of unit."""

    first: int
    last: int
    is_joint: bool
    is_conditional: bool

    def units(self, unit: Unit) -> tuple[Unit, ...]:
        """Gives the units of this stage that make up a unit of a later stage, in the order of its tokens."""
        task = unit.task if self.is_conditional else _NO_TASK
        groups = (unit.pieces,) if self.is_joint else ((piece,) for piece in unit.pieces)
        return tuple(Unit(pieces, task) for pieces in groups)


def stages_of(encoder: Encoder) -> tuple[Stage, ...]:
    """Cuts an encoder where attention begins to cross and where norms begin to depend on the task.

    Args:
        encoder: The encoder.

    Returns:
        Its blocks as one to three stages, in order.
    """
    n = len(encoder.blocks)
    first_conditional = next((i for i, block in enumerate(encoder.blocks) if block.is_conditional), n)
    if isinstance(encoder.embedding.norm, ConditionalLayerNorm):
        first_conditional = 0
    cuts = sorted({0, encoder.joint_from, first_conditional, n})
    return tuple(
        Stage(first, last, first >= encoder.joint_from, first >= first_conditional) for first, last in pairwise(cuts)
    )


def pieces_of(pair: EncodedPair) -> tuple[Piece, ...]:
    """Splits an encoded pair into its two texts, each with the special tokens beside it."""
    border = int(np.searchsorted(pair.side, 1))
    return tuple(
        Piece(pair.token_ids[part], pair.type_ids[part], pair.position_ids[part])
        for part in (slice(None, border), slice(border, None))
    )
