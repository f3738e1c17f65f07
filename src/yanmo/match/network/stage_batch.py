"""One batch through one stage of the matcher's network: units of one task, packed end to end without padding."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ...layers import ConditionalLayerNorm, Segments
from .classifier import PairClassifier
from .stages import Piece, Stage, Unit

__all__ = ["run_batch"]


def run_batch(
    network: PairClassifier,
    stage: Stage,
    units: Sequence[Unit],
    *,
    inputs: Sequence[Float[Tensor, "_ hidden"]] | None,
) -> tuple[Float[Tensor, "_ hidden"], ...]:
    """Computes what one stage makes of some units.

    Args:
        network: The network, in evaluation mode.
        stage: Which of its blocks are run.
        units: Units of that stage, all under the same task.
        inputs: What the stage before made of the units' tokens, in their order, [tokens, hidden] each; None at the
            first stage, which begins with the embedding.

    Returns:
        The state of every token of each unit, [tokens, hidden]; of the first token alone after the last block of a
        network whose head reads no other.
    """
    encoder = network.encoder
    condition = None
    if stage.is_conditional and network.task_vectors is not None:
        condition = network.task_vectors(torch.tensor([units[0].task]))
    pieces = [piece for unit in units for piece in unit.pieces]
    position_ids = _row(pieces, lambda piece: piece.position_ids)
    if inputs is None:
        given = condition if isinstance(encoder.embedding.norm, ConditionalLayerNorm) else None
        token_ids, type_ids = _row(pieces, lambda piece: piece.token_ids), _row(pieces, lambda piece: piece.type_ids)
        x = encoder.embedding(token_ids, given, type_ids=type_ids, position_ids=position_ids)
    else:
        x = torch.cat(list(inputs))[None]
    lengths = [len(unit) for unit in units]
    segments = Segments(lengths)
    for i in range(stage.first, stage.last):
        block, keep = encoder.blocks[i], None
        given = condition if block.is_conditional else None
        if i == len(encoder.blocks) - 1 and network.reads_first_token:
            keep = torch.tensor([0, *accumulate(lengths[:-1])])
            lengths = [1] * len(units)
        x = block(x, given, position_ids=position_ids, allowed=segments, keep=keep)
    return torch.split(x[0], lengths)


def _row(pieces: Sequence[Piece], field_of: Callable[[Piece], NDArray[np.int32]]) -> Tensor:
    return torch.from_numpy(np.concatenate([field_of(piece) for piece in pieces]).astype(np.int64))[None]
