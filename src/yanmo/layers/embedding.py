"""Token, type and absolute position embeddings, summed and normalized."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .dropout import Dropout
from .norm import ConditionalLayerNorm, LayerNorm

__all__ = ["TokenEmbedding"]


class TokenEmbedding(nn.Module):
    """Sums token, type and position embeddings, normalizes the sum, and projects it where it is too narrow.

    Args:
        word: Token table, [vocab, embedding].
        token_type: Type table, [types, embedding]. Where it has one row, every token is of that type, whatever the
            layout of the input says.
        position: Absolute position table, [positions, embedding], or None where attention carries positions.
        task_type: ERNIE's task-type table, of which row 0 is used, or None.
        norm: Norm over the embedding axis.
        projection: Map to the hidden width, or None where they are equal.
        position_start: Row of the first position (in RoBERTa the one behind padding's).
        dropout_prob: Probability of dropping a component while training.
    """

    def __init__(
        self,
        word: nn.Embedding,
        token_type: nn.Embedding,
        position: nn.Embedding | None,
        task_type: nn.Embedding | None,
        norm: LayerNorm | ConditionalLayerNorm,
        projection: nn.Linear | None,
        *,
        position_start: int,
        dropout_prob: float,
    ) -> None:
        super().__init__()
        self.word = word
        self.token_type = token_type
        self.position = position
        self.task_type = task_type
        self.norm = norm
        self.projection = projection
        self.position_start = position_start
        self.dropout = Dropout(dropout_prob)

    def forward(
        self,
        token_ids: Int[Tensor, "batch seq"],
        condition: Float[Tensor, "batch condition"] | None,
        *,
        type_ids: Int[Tensor, "batch seq"],
        position_ids: Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "batch seq hidden"]:
        """Returns the first block's input, shape [batch, seq, hidden]."""
        x: Tensor = self.word(token_ids) + self.token_type(
            torch.zeros_like(type_ids) if self.token_type.num_embeddings == 1 else type_ids
        )
        if self.position is not None:
            x = x + self.position(position_ids + self.position_start)
        if self.task_type is not None:
            x = x + self.task_type.weight[0]
        x = self.dropout(self.norm(x, condition))
        if self.projection is not None:
            x = self.projection(x)
        return x
