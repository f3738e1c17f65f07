"""A trained matcher without condition vectors: each norm holds one precomputed scale and shift per task."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..layers import (
    ConditionalLayerNorm,
    LinearTaylorAttention,
    PlainAttention,
    RotaryAttention,
    SelfAttention,
    TaylorAttention,
)
from ..match.network.classifier import PairClassifier

__all__ = ["FoldedClassifier", "FoldedLayerNorm"]


class FoldedLayerNorm(nn.Module):
    """Layer normalization with one scale and one shift a task.

    For a fixed task the condition ``c`` of ``ConditionalLayerNorm`` is constant, so that
    ``weight + W_g c`` and ``bias + W_b c`` are too: they become rows of two tables, exactly.

    Args:
        norm: The trained norm.
        conditions: The vector of every task, [tasks, condition_width].

    Source: kexue.fm/archives/8337. Its sibling with a free condition is ``ConditionalLayerNorm``.
    """

    def __init__(self, norm: ConditionalLayerNorm, conditions: Float[Tensor, "tasks condition"]) -> None:
        super().__init__()
        # The same expression as the norm's own, so that folding changes no rounding.
        self.weight = nn.Parameter(torch.addmm(norm.weight, conditions, norm.weight_map.T).detach())
        self.bias = nn.Parameter(torch.addmm(norm.bias, conditions, norm.bias_map.T).detach())
        self.eps = norm.eps

    def forward(
        self, x: Float[Tensor, "batch *seq hidden"], condition: Float[Tensor, "batch 1"]
    ) -> Float[Tensor, "batch *seq hidden"]:
        """Normalizes every row of the batch with the scale and shift of its own task.

        Args:
            x: What to normalize, shape [batch, ..., hidden].
            condition: The number of each row's task, shape [batch, 1]; a float, as the place it takes holds a vector.

        Returns:
            The normalized ``x``, same shape.
        """
        task, width = condition.squeeze(1).to(torch.int64), self.weight.shape[1]
        rows = (x.shape[0],) + (1,) * (x.ndim - 2) + (width,)
        normalized = F.layer_norm(x, (width,), None, None, self.eps)
        return normalized * F.embedding(task, self.weight).view(rows) + F.embedding(task, self.bias).view(rows)


class FoldedClassifier(nn.Module):
    """A matcher that takes plain arrays and branches on no value, so that it can be traced into one graph.

    Args:
        classifier: The trained network; it is copied, not changed.
    """

    def __init__(self, classifier: PairClassifier) -> None:
        super().__init__()
        folded = deepcopy(classifier).cpu().eval().requires_grad_(False)
        if folded.task_vectors is not None:
            conditions = folded.task_vectors.weight
            for parent in list(folded.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, ConditionalLayerNorm):
                        setattr(parent, name, FoldedLayerNorm(child, conditions))
        for module in folded.modules():
            if isinstance(module, SelfAttention):
                kernel = module.kernel
                if isinstance(kernel, PlainAttention):
                    module.kernel = _SpelledOutAttention()
                # A graph cannot count chunks; the quadratic form gives the same numbers.
                elif isinstance(kernel, LinearTaylorAttention):
                    module.kernel = TaylorAttention(2)
                elif isinstance(kernel, RotaryAttention) and isinstance(kernel.within, LinearTaylorAttention):
                    kernel.within = TaylorAttention(2)
        self.shifts: nn.Parameter | None = None
        if folded.side_vectors is not None:
            self.shifts = nn.Parameter((folded.is_sided[:, None] * folded.side_vectors).detach())
        self.has_condition = folded.task_vectors is not None
        self.encoder = folded.encoder
        self.head = folded.head
        self.task_bias = folded.task_bias
        self.requires_grad_(False).eval()

    def forward(
        self,
        token_ids: Int[Tensor, "batch seq"],
        type_ids: Int[Tensor, "batch seq"],
        position_ids: Int[Tensor, "batch seq"],
        side: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
        task: Int[Tensor, " scored"],
        row: Int[Tensor, " scored"] | None = None,
    ) -> Float[Tensor, " scored"]:
        """Scores pairs under tasks; a pair that is scored under several goes once through what none of them touches.

        Args:
            token_ids: As in ``TokenBatch``, and so the next four.
            type_ids: Segment ids.
            position_ids: Positions.
            side: 0 for tokens of the first text, 1 for those of the second.
            mask: True where there is a token.
            task: Task index of every score.
            row: Row of the batch that each score is of; None where each row has one, in order.

        Returns:
            Logits of "match", one for every entry of ``task``.
        """
        x, side, mask = self.states(token_ids, type_ids, position_ids, side, mask, task, row)
        return self.score_states(x, side, mask, task)

    def states(
        self,
        token_ids: Int[Tensor, "batch seq"],
        type_ids: Int[Tensor, "batch seq"],
        position_ids: Int[Tensor, "batch seq"],
        side: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
        task: Int[Tensor, " scored"],
        row: Int[Tensor, " scored"] | None = None,
    ) -> tuple[Float[Tensor, "scored seq hidden"], Int[Tensor, "scored seq"], Bool[Tensor, "scored seq"]]:
        """Gives the output of the last block, and ``side`` and ``mask`` of the same rows; arguments as in a call."""
        encoder, number = self.encoder, task.to(torch.float32)[:, None]
        blocks = list(encoder.blocks)
        parts = [i for i, block in enumerate(blocks) if isinstance(block.attention_norm, FoldedLayerNorm)]
        first = min(parts, default=len(blocks))
        given = None
        if isinstance(encoder.embedding.norm, FoldedLayerNorm):
            first, given = 0, number
            token_ids, type_ids = _of_rows(row, token_ids, type_ids)
            position_ids, side, mask = _of_rows(row, position_ids, side, mask)
        x = encoder.embedding(token_ids, given, type_ids=type_ids, position_ids=position_ids)
        seen = _Seen(side, mask, encoder.joint_from)
        for i, block in enumerate(blocks):
            if i == first and given is None:
                x, position_ids, side, mask = _of_rows(row, x, position_ids, side, mask)
                seen, given = _Seen(side, mask, encoder.joint_from), number
            conditional = isinstance(block.attention_norm, FoldedLayerNorm)
            x = block(x, number if conditional else None, position_ids=position_ids, allowed=seen.by(i))
        if given is None:
            x, side, mask = _of_rows(row, x, side, mask)
        return x, side, mask

    def score_states(
        self,
        x: Float[Tensor, "scored seq hidden"],
        side: Int[Tensor, "scored seq"],
        mask: Bool[Tensor, "scored seq"],
        task: Int[Tensor, " scored"],
    ) -> Float[Tensor, " scored"]:
        """Gives the logits, [scored], from what ``states`` gave."""
        number = task.to(torch.float32)[:, None]
        beside = {} if self.shifts is None else {"shift": F.embedding(task, self.shifts)}
        if isinstance(self.head, nn.ModuleList):
            logits = torch.stack([head(x, None, side=side, mask=mask, **beside) for head in self.head], -1)
            logit = logits.gather(-1, task[:, None]).squeeze(-1)
        else:
            logit = self.head(x, number if self.has_condition else None, side=side, mask=mask, **beside)
        return logit + F.embedding(task, self.task_bias[:, None])[:, 0]


class _SpelledOutAttention:
    """``PlainAttention`` in elementary operations; torch's own one would be exported with checks for masked rows."""

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],  # noqa: ARG002 - part of the seam; this kernel has no positions
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        score = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if allowed is not None:
            # Added rather than filled in: the sum of a mask is the same for all layers and is computed once.
            score = score + torch.where(allowed, 0.0, torch.finfo(score.dtype).min)
        context: Tensor = score.softmax(-1) @ value
        return context


class _Seen:
    """What a token may attend to, in the layers where texts stand apart and in those where they meet."""

    def __init__(self, side: Int[Tensor, "batch seq"], mask: Bool[Tensor, "batch seq"], joint_from: int) -> None:
        self._together = mask[:, None, None, :]
        self._alone = _own_text_only(side, mask)
        self._joint_from = joint_from

    def by(self, layer: int) -> Bool[Tensor, "batch 1 #seq seq"]:
        return self._alone if layer < self._joint_from else self._together


def _of_rows(row: Int[Tensor, " scored"] | None, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tensors if row is None else tuple(tensor.index_select(0, row) for tensor in tensors)


def _own_text_only(side: Int[Tensor, "batch seq"], mask: Bool[Tensor, "batch seq"]) -> Bool[Tensor, "batch 1 seq seq"]:
    allowed = (side[:, None, :] == side[:, :, None]) & mask[:, None, :]
    # What padding sees is never read; seeing nothing would be a softmax over nothing, so it sees all.
    return (allowed | ~mask[:, :, None])[:, None]
