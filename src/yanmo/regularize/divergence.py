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

    A class that ``p`` gives no probability (a logit of -inf: a mask) adds nothing, as ``x log x`` tends to 0; a row of
    nothing but masks has no prediction and no divergence. One that only ``q`` masks makes it infinite.

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
    log_p, log_q = _log_softmax(reference.to(wide)), _log_softmax(other.to(wide))
    # Filled before they are subtracted: 0 * (-inf + inf) would be NaN, and so would its gradient.
    masked = log_p.exp() == 0
    log_p, log_q = log_p.masked_fill(masked, 0), log_q.masked_fill(masked, 0)
    return (log_p.exp() * (log_p - log_q)).masked_fill(masked, 0).sum(-1)


def _log_softmax(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch classes"]:
    no_class = (logits == -torch.inf).all(-1, keepdim=True)
    return F.log_softmax(logits.masked_fill(no_class, 0), -1).masked_fill(no_class, -torch.inf)
