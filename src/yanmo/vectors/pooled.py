"""A text encoder's one vector a text: pooled token vectors, what siamese training moves and an Embedder gives."""

from enum import Enum

from jaxtyping import Float
from torch import Tensor, nn

from ..encode import Encoder, TokenBatch
from ..errors import chosen
from ..layers import mean_pool

__all__ = ["PooledEncoder", "Pooling"]


class Pooling(str, Enum):
    """The mean of the token vectors, special tokens among them, or the first one."""

    MEAN = "mean"
    CLS = "cls"


class PooledEncoder(nn.Module):
    """Token batches to one vector a row.

    Args:
        encoder: Any encoder without conditions.
        pooling: Which token vectors count.
    """

    def __init__(self, encoder: Encoder, *, pooling: Pooling | str) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = chosen(Pooling, pooling, name="pooling")

    def forward(self, batch: TokenBatch) -> Float[Tensor, "batch hidden"]:
        """Returns a vector a row, [batch, hidden], not of length 1."""
        states: Tensor = self.encoder(batch, None)
        return states[:, 0] if self.pooling is Pooling.CLS else mean_pool(states, batch.mask)
