"""Multi-head self-attention; the kernel passed in decides how positions enter and how scores become weights."""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .packing import Segments

__all__ = ["AttentionKernel", "PlainAttention", "RelativeAttention", "RotaryAttention", "SelfAttention"]


@runtime_checkable
class AttentionKernel(Protocol):
    """Interface of attention kernels: queries, keys and values of all heads to one context vector per position."""

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Mixes the values; ``allowed`` is True where a query (axis 2) may see a key (axis 3)."""
        ...


class PlainAttention:
    """Scaled dot-product attention without positions (absolute ones are already in the embedding)."""

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],  # noqa: ARG002 - part of the seam; this kernel has no positions
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Returns ``softmax(q k^T / sqrt(head)) v``."""
        if query.dtype is torch.bfloat16 and query.requires_grad and query.device.type == "cpu":
            # torch 2.13's fused kernel takes four times as long forth and back on rows of 85 tokens.
            score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            if allowed is not None:
                score = score.masked_fill(~allowed, torch.finfo(score.dtype).min)
            context: Tensor = score.softmax(-1) @ value
            return context
        return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)


class RotaryAttention:
    """Rotary positions: queries and keys are turned by angles that grow with the position.

    Pairs of neighboring components ``(x_2i, x_2i+1)`` are rotated by ``m * base^(-2i/head)`` at position ``m``.

    Args:
        head_width: Components of one head; even.
        base: Base of the geometric series of frequencies.
        within: How the turned queries and keys attend; None is ``PlainAttention``.

    Source: arXiv:2104.09864, kexue.fm/archives/8265.
    """

    def __init__(self, head_width: int, *, base: float = 10000.0, within: AttentionKernel | None = None) -> None:
        self.within = PlainAttention() if within is None else within
        self.frequencies = base ** (-torch.arange(0, head_width, 2, dtype=torch.float64, device="cpu") / head_width)

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Rotates queries and keys, then lets them attend."""
        angle = position_ids[:, None, :, None] * self.frequencies.to(position_ids.device)
        cos, sin = angle.cos().to(query.dtype), angle.sin().to(query.dtype)
        query, key = _rotate(query, cos, sin), _rotate(key, cos, sin)
        return self.within(query, key, value, position_ids=position_ids, allowed=allowed)


class RelativeAttention:
    """NEZHA's relative positions: a fixed sinusoidal vector of the clipped distance is added to keys and values.

    ``score_ij = q_i (k_j + r_ij) / sqrt(head)`` and ``context_i = sum_j p_ij (v_j + r_ij)``, with
    ``r_ij = R[clip(j - i, -max_distance, max_distance)]``.

    Args:
        head_width: Components of one head; even.
        max_distance: Distances beyond it count as it.

    Source: arXiv:1909.00204.
    """

    def __init__(self, head_width: int, *, max_distance: int = 64) -> None:
        self.max_distance = max_distance
        position = torch.arange(2 * max_distance + 1, dtype=torch.float64, device="cpu")[:, None]
        frequency = 10000.0 ** (-torch.arange(0, head_width, 2, dtype=torch.float64, device="cpu") / head_width)
        self.table = torch.stack([(position * frequency).sin(), (position * frequency).cos()], -1).flatten(1)

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Attends with relative vectors on keys and values."""
        distance = position_ids[:, None, :] - position_ids[:, :, None]
        index = distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
        relative = self.table.to(query.device, query.dtype)[index]  # batch seq seq head
        score = query @ key.transpose(-1, -2) + torch.einsum("bhid,bijd->bhij", query, relative)
        score = score / query.shape[-1] ** 0.5
        if allowed is not None:
            score = score.masked_fill(~allowed, torch.finfo(score.dtype).min)
        probability = score.softmax(-1)
        context: Tensor = probability @ value + torch.einsum("bhij,bijd->bhid", probability, relative)
        return context


class SelfAttention(nn.Module):
    """Projects to queries, keys and values, attends by the given kernel, projects back.

    Args:
        width: Size of the hidden axis.
        n_heads: Number of heads; divides ``width``.
        kernel: How the heads attend.
    """

    def __init__(self, width: int, *, n_heads: int, kernel: AttentionKernel) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.n_heads = n_heads
        self.kernel = kernel

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        *,
        position_ids: Int[Tensor, "batch seq"],
        allowed: Bool[Tensor, "batch 1 #seq seq"] | Segments | None,
        keep: Int[Tensor, " kept"] | None = None,
    ) -> Float[Tensor, "batch kept hidden"]:
        """Returns the attended ``x``, shape [batch, seq, hidden]; with segments, ``x`` is one row of sequences.

        Only at the places ``keep`` of a row where some are named, [batch, kept, hidden].
        """
        query, key, value = (self._heads(layer(x)) for layer in (self.query, self.key, self.value))
        if isinstance(allowed, Segments):
            context = allowed.attend(self.kernel, query, key, value, position_ids=position_ids)
        else:
            context = self.kernel(query, key, value, position_ids=position_ids, allowed=allowed)
        context = context.transpose(1, 2).flatten(2)
        merged: Tensor = self.out(context if keep is None else context[:, keep])
        return merged

    def _heads(self, x: Float[Tensor, "batch seq hidden"]) -> Float[Tensor, "batch heads seq head"]:
        return x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2)


def _rotate(
    x: Float[Tensor, "batch heads seq head"],
    cos: Float[Tensor, "batch 1 seq half"],
    sin: Float[Tensor, "batch 1 seq half"],
) -> Float[Tensor, "batch heads seq head"]:
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], -1).flatten(-2)
