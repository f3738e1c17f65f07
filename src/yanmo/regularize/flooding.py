"""Flooding: a training loss that is not let below a level."""

from jaxtyping import Float
from torch import Tensor

from .strength import check_strength

__all__ = ["flooding_loss"]


def flooding_loss(loss: Float[Tensor, ""], *, level: float) -> Float[Tensor, ""]:
    """``|L - level| + level``: below the level the gradient turns around.

    A step up and a step down of rate ``r`` together move by ``-r^2/2 grad |grad L|^2``: hovering at the level descends
    the gradient's norm.

    Args:
        loss: The batch's loss.
        level: Where it turns, in the loss's own unit; 0 is the plain loss.

    Returns:
        The loss to carry back.

    Raises:
        InputError: The level is no number from 0 up.

    Example:
        >>> import torch
        >>> flooding_loss(torch.tensor(0.25), level=0.5), flooding_loss(torch.tensor(2.0), level=0.5)
        (tensor(0.7500), tensor(2.))

    Source: arXiv:2002.08709, kexue.fm/archives/7643. The same penalty explicitly: ``gradient_penalty_loss``.
    """
    check_strength("level", level)
    return loss if level == 0 else (loss - level).abs() + level
