"""Losses of a matching run: cross-entropy with class weights and label smoothing, or focal loss."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["focal_loss", "weighted_cross_entropy"]


def weighted_cross_entropy(
    logits: Float[Tensor, " batch"],
    labels: Float[Tensor, " batch"],
    positive_weight: Float[Tensor, " batch"],
    *,
    smoothing: float,
) -> Float[Tensor, " batch"]:
    """Binary cross-entropy against labels drawn ``smoothing / 2`` towards the other class.

    ``-w y log p - (1 - y) log(1 - p)`` with ``y = label (1 - smoothing) + smoothing / 2``.

    Args:
        logits: Shape [batch].
        labels: 0 or 1, shape [batch].
        positive_weight: Weight ``w`` of the positive term, shape [batch].
        smoothing: Between 0 and 1; 0 leaves the labels as they are.

    Returns:
        One loss a pair, shape [batch].

    Source: arXiv:1512.00567 for smoothing. Its sibling for rare positives is ``focal_loss``.
    """
    target = labels * (1 - smoothing) + smoothing / 2
    return F.binary_cross_entropy_with_logits(logits, target, pos_weight=positive_weight, reduction="none")


def focal_loss(
    logits: Float[Tensor, " batch"],
    labels: Float[Tensor, " batch"],
    positive_weight: Float[Tensor, " batch"],
    *,
    gamma: float,
) -> Float[Tensor, " batch"]:
    """Cross-entropy that fades where the model is already right: ``(1 - p_label)^gamma`` times the plain loss.

    Args:
        logits: Shape [batch].
        labels: 0 or 1, shape [batch].
        positive_weight: Weight of the positive term, shape [batch].
        gamma: Strength, 0 gives the plain loss.

    Returns:
        One loss a pair, shape [batch].

    Source: arXiv:1708.02002.
    """
    plain = weighted_cross_entropy(logits, labels, positive_weight, smoothing=0.0)
    signed = torch.where(labels > 0.5, logits, -logits)
    return torch.exp(gamma * F.logsigmoid(-signed)) * plain
