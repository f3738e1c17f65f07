"""How far two predictions are from one another: the Kullback-Leibler divergence of two rows of logits."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["divergence"]


def divergence(
    reference: Float[Tensor, "*batch classes"], other: Float[Tensor, "*batch classes"]
) -> Float[Tensor, "*batch"]:
    """``KL(p || q) = sum_k p_k (log p_k - log q_k)`` with ``p``, ``q`` the softmax of either, in at least float32.

    Args:
        reference: Logits of ``p``.
        other: Logits of ``q``.

    Returns:
        One divergence a row, in nats.

    Example:
        >>> divergence(torch.zeros(1, 2), torch.zeros(1, 2))
        tensor([0.])
    """
    wide = torch.promote_types(reference.dtype, torch.float32)
    log_p, log_q = F.log_softmax(reference.to(wide), -1), F.log_softmax(other.to(wide), -1)
    return F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
