"""Taylor attention: the kernel whose weights are an even Taylor polynomial of the scores instead of their exp."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .taylor import check_even, log_taylor_polynomial

__all__ = ["TaylorAttention"]


class TaylorAttention:
    """``sum_j f_n(s_j) v_j / sum_j f_n(s_j)`` with the scores ``s = q k^T / sqrt(head)`` of softmax attention.

    Time and memory grow with the square of the length; ``LinearTaylorAttention`` is order 2 without that.

    Args:
        order: The order ``n``, even, from 2.

    Source: kexue.fm/archives/7919.
    """

    def __init__(self, order: int) -> None:
        check_even(order)
        self.order = order

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],  # noqa: ARG002 - part of the seam; this kernel has no positions
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Mixes the values; what a row that may see nothing gets means nothing, but is finite."""
        score = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        log_weight = log_taylor_polynomial(score.to(torch.promote_types(score.dtype, torch.float32)), order=self.order)
        if allowed is not None:
            log_weight = log_weight.masked_fill(~allowed, torch.finfo(log_weight.dtype).min)
        return log_weight.softmax(-1).to(value.dtype) @ value
