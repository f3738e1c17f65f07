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
        task, width = condition[:, 0].to(torch.int64), self.weight.shape[1]
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
        task: Int[Tensor, " batch"],
    ) -> Float[Tensor, " batch"]:
        """Scores a batch that may mix tasks; arguments as the fields of ``TokenBatch`` and each row's task index."""
        encoder, number = self.encoder, task.to(torch.float32)[:, None]
        given = number if isinstance(encoder.embedding.norm, FoldedLayerNorm) else None
        x = encoder.embedding(token_ids, given, type_ids=type_ids, position_ids=position_ids)
        together = mask[:, None, None, :]
        alone = _own_text_only(side, mask)
        for i, block in enumerate(encoder.blocks):
            allowed = alone if i < encoder.joint_from else together
            given = number if isinstance(block.attention_norm, FoldedLayerNorm) else None
            x = block(x, given, position_ids=position_ids, allowed=allowed)
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


def _own_text_only(side: Int[Tensor, "batch seq"], mask: Bool[Tensor, "batch seq"]) -> Bool[Tensor, "batch 1 seq seq"]:
    allowed = (side[:, None, :] == side[:, :, None]) & mask[:, None, :]
    # What padding sees is never read; seeing nothing would be a softmax over nothing, so it sees all.
    return (allowed | ~mask[:, :, None])[:, None]
