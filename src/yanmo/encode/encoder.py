"""The encoder: token ids and a condition to token vectors, with joint attention from a chosen layer on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import InputError
from ..layers import (
    AttentionKernel,
    Block,
    ConditionalLayerNorm,
    FeedForward,
    LayerNorm,
    PlainAttention,
    RelativeAttention,
    RotaryAttention,
    SelfAttention,
    TokenEmbedding,
)
from .config import Activation, EncoderConfig, ModelType

__all__ = ["ACTIVATIONS", "ConditionPlan", "Encoder", "TokenBatch", "build_encoder"]


@dataclass(frozen=True)
class TokenBatch:
    """A padded batch of pairs (or single texts), every field [batch, seq].

    Attributes:
        token_ids: Token ids.
        type_ids: Rows of the type table.
        position_ids: Positions, counted from 0 in every text that is encoded alone.
        side: 0 for the first text, 1 for the second.
        mask: True where there is a token, False for padding.
    """

    token_ids: Int[Tensor, "batch seq"]
    type_ids: Int[Tensor, "batch seq"]
    position_ids: Int[Tensor, "batch seq"]
    side: Int[Tensor, "batch seq"]
    mask: Bool[Tensor, "batch seq"]

    def to(self, device: torch.device | str) -> "TokenBatch":
        """Returns the batch on another device."""
        return TokenBatch(*(field.to(device) for field in self._fields()))

    def _fields(self) -> Iterator[Tensor]:
        yield from (self.token_ids, self.type_ids, self.position_ids, self.side, self.mask)


@dataclass(frozen=True)
class ConditionPlan:
    """Which norms take the condition.

    Attributes:
        width: Size of the condition vector.
        first_layer: Blocks from this one on (counted from 0) are conditional; below it norms stay plain. The
            embedding's norm is conditional only when ``first_layer`` is 0.
    """

    width: int
    first_layer: int = 0


class Encoder(nn.Module):
    """A BERT-family encoder over pairs of texts.

    Below layer ``joint_from`` a token sees only its own text, so that these layers give each text the same states
    whatever it is paired with; from there on it sees both.

    Args:
        embedding: Token ids to the first block's input.
        blocks: The transformer blocks.
        joint_from: First layer (counted from 0) whose attention crosses between the two texts; 0 is the ordinary
            cross-encoder, the number of blocks keeps the texts apart to the end.
    """

    def __init__(self, embedding: TokenEmbedding, blocks: list[Block], *, joint_from: int = 0) -> None:
        super().__init__()
        if not 0 <= joint_from <= len(blocks):
            raise InputError(f"joint_from must lie between 0 and the {len(blocks)} layers, not at {joint_from}")
        self.embedding = embedding
        self.blocks: nn.ModuleList = nn.ModuleList(blocks)
        self.joint_from = joint_from

    def forward(
        self, batch: TokenBatch, condition: Float[Tensor, "batch condition"] | None
    ) -> Float[Tensor, "batch seq hidden"]:
        """Encodes a batch.

        Args:
            batch: What to encode.
            condition: One vector a row, or None where no norm is conditional.

        Returns:
            The last layer's token vectors, [batch, seq, hidden]; those of padding mean nothing.
        """
        return self.run(self.embed(batch, condition), batch, condition, first=0, last=len(self.blocks))

    def embed(
        self, batch: TokenBatch, condition: Float[Tensor, "batch condition"] | None
    ) -> Float[Tensor, "batch seq hidden"]:
        """Returns the input of the first block, [batch, seq, hidden]."""
        conditional = isinstance(self.embedding.norm, ConditionalLayerNorm)
        x: Tensor = self.embedding(
            batch.token_ids,
            condition if conditional else None,
            type_ids=batch.type_ids,
            position_ids=batch.position_ids,
        )
        return x

    def run(
        self,
        x: Float[Tensor, "batch seq hidden"],
        batch: TokenBatch,
        condition: Float[Tensor, "batch condition"] | None,
        *,
        first: int,
        last: int,
        keep: Int[Tensor, " kept"] | None = None,
    ) -> Float[Tensor, "batch kept hidden"]:
        """Runs the blocks from ``first`` up to, not including, ``last``.

        Args:
            x: Input of block ``first``, [batch, seq, hidden].
            batch: Where padding, sides and positions are read from.
            condition: One vector a row, or None where no norm is conditional.
            first: Index of the first block to run.
            last: Index after the last block to run.
            keep: Places of every row whose output is asked for; None asks for all.

        Returns:
            Output of block ``last - 1``, [batch, seq, hidden], at the kept places only where some are named.
        """
        together = None if bool(batch.mask.all()) else batch.mask[:, None, None, :]
        alone = _alone(batch) if first < self.joint_from else None
        for i in range(first, last):
            block = self.blocks[i]
            given = condition if block.is_conditional else None
            allowed = alone if i < self.joint_from else together
            wanted = keep if i == last - 1 else None
            x = block(x, given, position_ids=batch.position_ids, allowed=allowed, keep=wanted)
        return x


def _alone(batch: TokenBatch) -> Bool[Tensor, "batch 1 seq seq"]:
    same = batch.side[:, None, :] == batch.side[:, :, None]
    allowed = same & batch.mask[:, None, :]
    # Padding of a side without tokens would see nothing, and a softmax over nothing is NaN: it sees itself.
    itself = torch.eye(allowed.shape[-1], dtype=torch.bool, device=allowed.device)
    return (allowed | itself)[:, None]


def build_encoder(
    config: EncoderConfig,
    *,
    condition: ConditionPlan | None = None,
    joint_from: int = 0,
    within: AttentionKernel | None = None,
) -> Encoder:
    """Builds an encoder with random weights.

    Args:
        config: Sizes and kinds.
        condition: Which norms are conditional; None makes all of them plain.
        joint_from: First layer whose attention crosses between the two texts.
        within: How queries and keys attend, after rotary positions where there are any; None is softmax attention.

    Returns:
        The encoder, its linear and embedding weights drawn from N(0, 0.02) as BERT's are.

    Raises:
        InputError: ``within`` is given but relative positions are part of this encoder's attention.
    """

    def norm(width: int, layer: int) -> LayerNorm | ConditionalLayerNorm:
        if condition is None or layer < condition.first_layer:
            return LayerNorm(width, eps=config.eps)
        return ConditionalLayerNorm(width, condition_width=condition.width, eps=config.eps)

    def block(layer: int) -> Block:
        return Block(
            SelfAttention(config.width, n_heads=config.n_heads, kernel=_kernel(config, within)),
            norm(config.width, layer),
            FeedForward(config.width, inner_width=config.inner_width, activation=ACTIVATIONS[config.activation]),
            norm(config.width, layer),
            dropout_prob=config.dropout_prob,
        )

    narrow = config.embedding_width
    has_positions = config.model_type.has_absolute_positions
    embedding = TokenEmbedding(
        nn.Embedding(config.vocab_size, narrow),
        nn.Embedding(config.n_types, narrow),
        nn.Embedding(config.n_positions, narrow) if has_positions else None,
        nn.Embedding(config.n_task_types, narrow) if config.n_task_types else None,
        norm(narrow, 0),
        None if narrow == config.width else nn.Linear(narrow, config.width),
        position_start=config.position_start,
        dropout_prob=config.dropout_prob,
    )
    encoder = Encoder(embedding, [block(i) for i in range(config.n_layers)], joint_from=joint_from)
    for module in encoder.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    return encoder


def _kernel(config: EncoderConfig, within: AttentionKernel | None) -> AttentionKernel:
    head_width = config.width // config.n_heads
    if config.model_type is ModelType.ROFORMER:
        return RotaryAttention(head_width, within=within)
    if config.model_type is ModelType.NEZHA:
        if within is not None:
            raise InputError(
                f"a nezha encoder was asked to attend by {type(within).__name__}, but its positions need softmax",
                fix="leave the attention as softmax, or take another base",
            )
        return RelativeAttention(head_width, max_distance=config.max_distance)
    return PlainAttention() if within is None else within


def _gelu_new(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.GELU: F.gelu,
    Activation.GELU_NEW: _gelu_new,
    Activation.RELU: F.relu,
}
"""The function of each activation."""
