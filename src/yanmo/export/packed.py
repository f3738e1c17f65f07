"""A matcher as a graph without padding: linear layers see a line of tokens, attention sees rows of one text or pair."""

from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers import Block, FeedForward, SelfAttention, mean_pool
from ..match.engines.packed_rows import PACKED_INPUTS, PackedForm
from .folded import FoldedClassifier, FoldedLayerNorm
from .graph_node import graph_node
from .row_int8 import RowInt8Linear
from .row_layers import side_by_side

__all__ = ["PACKED_AXES", "PackedClassifier", "packed_example"]

PACKED_AXES = {
    "token_ids": {0: "tokens"},
    "type_ids": {0: "tokens"},
    "position_ids": {0: "tokens"},
    "side": {0: "tokens"},
    "spread": {0: "pairs", 2: "length"},
    "place": {0: "tokens"},
    "again": {0: "scored_tokens"},
    "scored_spread": {0: "scored", 2: "scored_length"},
    "scored_place": {0: "scored_tokens"},
    "task": {0: "scored"},
}
"""The free axes of a packed graph's inputs."""


class PackedClassifier(nn.Module):
    """``FoldedClassifier`` over a line of tokens; inputs as ``PackedForm.feed`` gives them.

    The layers below the first that a task touches run once a pair; from there on there is a line for every score.

    Args:
        folded: The matcher; its large matrices may be stored in any form.
    """

    def __init__(self, folded: FoldedClassifier) -> None:
        super().__init__()
        self.folded = folded
        encoder = folded.encoder
        n_layers, joint_from = len(encoder.blocks), encoder.joint_from
        touched = [i for i, block in enumerate(encoder.blocks) if isinstance(block.attention_norm, FoldedLayerNorm)]
        embeds_tasks = isinstance(encoder.embedding.norm, FoldedLayerNorm)
        self.first = 0 if embeds_tasks else min(touched, default=n_layers)
        self.form = PackedForm(
            sides=2 if 0 < joint_from >= self.first else 1, scored_sides=2 if joint_from == n_layers else 1
        )
        blocks = [block for block in encoder.blocks if isinstance(block, Block)]
        self.attentions = nn.ModuleList(_PackedAttention(block.attention) for block in blocks)

    def forward(
        self,
        token_ids: Int[Tensor, " tokens"],
        type_ids: Int[Tensor, " tokens"],
        position_ids: Int[Tensor, " tokens"],
        side: Int[Tensor, " tokens"],
        spread: Int[Tensor, "pairs sides length"],
        place: Int[Tensor, "tokens 2"],
        again: Int[Tensor, " scored_tokens"],
        scored_spread: Int[Tensor, "scored scored_sides scored_length"],
        scored_place: Int[Tensor, "scored_tokens 2"],
        task: Int[Tensor, " scored"],
    ) -> tuple[Float[Tensor, " scored"], Float[Tensor, "scored 2 hidden"]]:
        """Gives the logit of every score, and the mean vector of each of its texts."""
        encoder = self.folded.encoder
        blocks = [block for block in encoder.blocks if isinstance(block, Block)]
        n_heads = blocks[0].attention.n_heads
        row = scored_place.select(1, 0)
        of_token = task[row if self.form.scored_sides == 1 else torch.div(row, 2, rounding_mode="trunc")]
        number = of_token.to(torch.float32).unsqueeze(1)
        ids, types, positions, condition = token_ids, type_ids, position_ids, None
        if isinstance(encoder.embedding.norm, FoldedLayerNorm):
            ids, types, positions = token_ids[again], type_ids[again], position_ids[again]
            condition = number
        # Each token is a row of its own to the embedding, for its norm may know its task.
        x = encoder.embedding(
            ids.unsqueeze(1), condition, type_ids=types.unsqueeze(1), position_ids=positions.unsqueeze(1)
        ).flatten(0, 1)
        rows = _Rows(spread, place, side, position_ids, n_heads)
        scored_rows = _Rows(scored_spread, scored_place, side[again], position_ids[again], n_heads)
        for i, (block, attention) in enumerate(zip(blocks, self.attentions, strict=True)):
            if i == self.first and condition is None:
                x = F.embedding(again, x)
            seen = rows if i < self.first else scored_rows
            attended = attention(x, seen, is_joint=i >= encoder.joint_from)
            x = _normed(block.attention_norm, x + attended, number)
            x = _normed(block.feed_forward_norm, x + _fed_forward(block.feed_forward, x), number)
        if self.first == len(blocks):
            x = F.embedding(again, x)
        states = F.embedding(scored_rows.token, x).flatten(1, 2)
        sides, mask = scored_rows.side.flatten(1), scored_rows.is_token.flatten(1)
        vectors = torch.stack([mean_pool(states, mask & (sides == i)) for i in (0, 1)], 1)
        return self.folded.score_states(states, sides, mask, task), vectors


def packed_example(form: PackedForm) -> dict[str, Tensor]:
    """Inputs to trace a packed graph with: two pairs of three and three tokens, three scores."""

    def rows(n: int, sides: int) -> tuple[Tensor, Tensor]:
        length = 8
        spread = torch.full((n, sides, length), -1)
        each = 6 // sides
        spread[..., :each] = torch.arange(6 * n).view(n, sides, each)
        row = torch.arange(n * sides).repeat_interleave(each)
        return spread, torch.stack([row, torch.arange(each).repeat(n * sides)], 1)

    flat = {name: torch.zeros(12, dtype=torch.int64) for name in ("token_ids", "type_ids", "position_ids")}
    side = torch.tensor([0, 0, 0, 1, 1, 1] * 2)
    (spread, place), (scored_spread, scored_place) = rows(2, form.sides), rows(3, form.scored_sides)
    again = torch.arange(18) % 12
    given = {
        **flat,
        "side": side,
        "spread": spread,
        "place": place,
        "again": again,
        "scored_spread": scored_spread,
        "scored_place": scored_place,
        "task": torch.zeros(3, dtype=torch.int64),
    }
    return {name: given[name] for name in PACKED_INPUTS}


class _Rows:
    """Where tokens of the line stand in rows, and the way back; computed once for many layers, and only if asked for.

    Axes are named by ``unsqueeze`` and ``select``: an index in brackets is traced as two nodes, and nodes are what an
    export's seconds go to.
    """

    def __init__(
        self,
        spread: Int[Tensor, "n sides length"],
        place: Int[Tensor, "tokens 2"],
        side: Int[Tensor, " tokens"],
        position_ids: Int[Tensor, " tokens"],
        n_heads: int,
    ) -> None:
        self.is_token = spread >= 0
        # A place without a token shows the first one; nothing looks at it.
        self.token = spread.clamp(min=0)
        self._spread, self._place, self._side, self._position_ids = spread, place, side, position_ids
        self._head, self._n_heads = torch.arange(n_heads), n_heads
        self._flat = self.token.flatten(0, 1)
        self._index: dict[tuple[int, int], Tensor] = {}

    @cached_property
    def side(self) -> Int[Tensor, "n sides length"]:
        """The side of each place's token."""
        return F.embedding(self.token, self._side.unsqueeze(1)).squeeze(-1)

    @cached_property
    def positions(self) -> Int[Tensor, "rows length"]:
        """The position of each place's token in its text."""
        return F.embedding(self._flat, self._position_ids.unsqueeze(1)).squeeze(-1)

    @cached_property
    def _together(self) -> Bool[Tensor, "rows 1 1 length"]:
        return self.is_token.flatten(0, 1).unsqueeze(1).unsqueeze(1)

    @cached_property
    def _alone(self) -> Bool[Tensor, "rows 1 length length"]:
        mask, sides = self.is_token.flatten(0, 1), self.side.flatten(0, 1)
        own = (sides.unsqueeze(1) == sides.unsqueeze(2)) & mask.unsqueeze(1)
        return (own | ~mask.unsqueeze(2)).unsqueeze(1)

    def allowed(self, *, is_joint: bool) -> Tensor:
        """What a place may look at."""
        return self._together if is_joint or self._spread.shape[1] == 2 else self._alone

    def heads(
        self, x: Float[Tensor, "tokens all_heads"], *, part: int, n_parts: int
    ) -> Float[Tensor, "rows heads length head"]:
        """Spreads one of the parts that stand side by side in the vectors of tokens into rows, head by head."""
        index = self._index.get((part, n_parts))
        if index is None:
            head = self._head.view(1, self._n_heads, 1)
            index = (self._flat.unsqueeze(1) * n_parts + part) * self._n_heads + head
            self._index[part, n_parts] = index
        return F.embedding(index, x.view(-1, x.shape[1] // (n_parts * self._n_heads)))

    @cached_property
    def _back(self) -> Int[Tensor, "tokens heads"]:
        row, column = self._place.select(1, 0).unsqueeze(1), self._place.select(1, 1).unsqueeze(1)
        return (row * self._n_heads + self._head) * self._spread.shape[2] + column

    def line(self, x: Float[Tensor, "rows heads length head"]) -> Float[Tensor, "tokens hidden"]:
        """Collects the rows' tokens into the line."""
        return F.embedding(self._back, x.reshape(-1, x.shape[-1])).flatten(1)


class _PackedAttention(nn.Module):
    def __init__(self, attention: SelfAttention) -> None:
        super().__init__()
        self.kernel = attention.kernel
        parts: list[nn.Module] = [attention.query, attention.key, attention.value]
        by_rows = [part for part in parts if isinstance(part, RowInt8Linear)]
        one = side_by_side(by_rows) if len(by_rows) == len(parts) else None
        self.parts = nn.ModuleList(parts if one is None else [one])
        self.out = attention.out

    def forward(self, x: Float[Tensor, "tokens hidden"], rows: _Rows, *, is_joint: bool) -> Tensor:
        if len(self.parts) == 1:
            together = self.parts[0](x)
            query, key, value = (rows.heads(together, part=i, n_parts=3) for i in range(3))
        else:
            query, key, value = (rows.heads(part(x), part=0, n_parts=1) for part in self.parts)
        context = self.kernel(query, key, value, position_ids=rows.positions, allowed=rows.allowed(is_joint=is_joint))
        y: Tensor = self.out(rows.line(context))
        return y


def _fed_forward(feed_forward: FeedForward, x: Float[Tensor, "tokens hidden"]) -> Float[Tensor, "tokens hidden"]:
    up = feed_forward.up(x)
    # One node for GELU: the exporter spells it out in five, in an order that ONNX Runtime does not know again.
    inner = (
        graph_node("Gelu", (up,), {}, up.shape) if feed_forward.activation is F.gelu else feed_forward.activation(up)
    )
    y: Tensor = feed_forward.down(inner)
    return y


def _normed(
    norm: nn.Module, x: Float[Tensor, "tokens hidden"], number: Float[Tensor, "scored_tokens 1"]
) -> Float[Tensor, "tokens hidden"]:
    y: Tensor = norm(x, number if isinstance(norm, FoldedLayerNorm) else None)
    return y
