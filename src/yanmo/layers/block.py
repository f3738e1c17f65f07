"""One post-norm transformer block whose norms are handed in, plain or conditional."""

from collections.abc import Callable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .attention import SelfAttention
from .dropout import Dropout
from .norm import ConditionalLayerNorm, LayerNorm
from .packing import Segments

__all__ = ["Block", "FeedForward"]


class FeedForward(nn.Module):
    """Two linear layers with an activation between them.

    Args:
        width: Size of the hidden axis.
        inner_width: Size between the two layers.
        activation: Elementwise function.
    """

    def __init__(self, width: int, *, inner_width: int, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner_width)
        self.down = nn.Linear(inner_width, width)
        self.activation = activation

    def forward(self, x: Float[Tensor, "batch seq hidden"]) -> Float[Tensor, "batch seq hidden"]:
        """Returns ``down(activation(up(x)))``."""
        y: Tensor = self.down(self.activation(self.up(x)))
        return y


class Block(nn.Module):
    """``x = norm(x + attention(x))`` and then ``x = norm(x + feed_forward(x))``, as BERT does.

    Args:
        attention: Self-attention of this layer.
        attention_norm: Norm after attention.
        feed_forward: Feed-forward part of this layer.
        feed_forward_norm: Norm after the feed-forward part; of the same kind as ``attention_norm``.
        dropout_prob: Probability of dropping a component of either part's output while training.

    Source: arXiv:1810.04805.
    """

    def __init__(
        self,
        attention: SelfAttention,
        attention_norm: LayerNorm | ConditionalLayerNorm,
        feed_forward: FeedForward,
        feed_forward_norm: LayerNorm | ConditionalLayerNorm,
        *,
        dropout_prob: float,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = attention_norm
        self.feed_forward = feed_forward
        self.feed_forward_norm = feed_forward_norm
        self.dropout = Dropout(dropout_prob)

    @property
    def is_conditional(self) -> bool:
        """Whether this block's norms take a condition."""
        return isinstance(self.attention_norm, ConditionalLayerNorm)

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        condition: Float[Tensor, "batch condition"] | None,
        *,
        position_ids: Int[Tensor, "batch seq"],
        allowed: Bool[Tensor, "batch 1 #seq seq"] | Segments | None,
        keep: Int[Tensor, " kept"] | None = None,
    ) -> Float[Tensor, "batch kept hidden"]:
        """Gives the next layer's input.

        Args:
            x: This layer's input, [batch, seq, hidden].
            condition: One vector a row, or None where the norms are plain.
            position_ids: Position of every token in its own sequence, [batch, seq].
            allowed: True where a query (axis 2) may see a key (axis 3); None where every one may.
            keep: Places of a row whose output is asked for; None asks for all.

        Returns:
            The output, [batch, seq, hidden], at the kept places only where some are named.
        """
        attended = self.attention(x, position_ids=position_ids, allowed=allowed, keep=keep)
        if keep is not None:
            x = x[:, keep]
        x = self.attention_norm(x + self.dropout(attended), condition)
        y: Tensor = self.feed_forward_norm(x + self.dropout(self.feed_forward(x)), condition)
        return y
