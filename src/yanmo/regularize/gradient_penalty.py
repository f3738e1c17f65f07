"""The gradient penalty, by a real double backward: of inputs (flat predictions) or of parameters (flat minima)."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .backward import LossFn, evaluate, gradients_of
from .leaves import learning_tensors
from .strength import check_strength

__all__ = ["gradient_penalty_loss"]


def gradient_penalty_loss(loss_fn: LossFn, tensors: Iterable[Tensor], *, weight: float) -> Float[Tensor, ""]:
    """Returns ``L + weight * |dL/dx|^2``, whose gradient is ``g + 2 weight H g``.

    With ``x`` the parameters and ``weight = rate / 4`` it is the loss whose gradient flow gradient descent of that
    rate follows to second order: a small rate with the penalty acts as the large one. With ``x`` the inputs it is the
    first-order form of adversarial training. The penalty stays differentiable: a term made from ``.grad``, or with
    ``weight * 2 * g`` in place of ``weight * 2 H g``, would only lengthen the gradient.

    Args:
        loss_fn: Computes the batch's loss.
        tensors: Parameters, or inputs that require a gradient.
        weight: Factor on the squared norm; 0 is the plain loss.

    Returns:
        The loss to carry back, in place of ``loss_fn()``.

    Raises:
        InputError: The strength is no number from 0 up, the loss is not finite, there is no tensor, one requires no
            gradient, or the loss is under reentrant checkpointing.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> curvature = torch.tensor([1.0, 3.0])
        >>> gradient_penalty_loss(lambda: (curvature * x**2).sum() / 2, [x], weight=0.5).backward()
        >>> x.grad  # H x + H H x
        tensor([ 2., 24.])

    Source: kexue.fm/archives/7787 and 7466; arXiv:2009.11162. Without a double backward:
    ``finite_difference_penalty_backward``.
    """
    check_strength("weight", weight)
    if weight == 0:
        return evaluate(loss_fn)
    tensors = learning_tensors(tensors, are_moved=False)
    with sdpa_kernel(SDPBackend.MATH):  # the fused attention kernels cannot be differentiated twice
        loss = evaluate(loss_fn)
    squares = [g.square().sum() for g in gradients_of(loss, tensors, create_graph=True)]
    return loss + weight * torch.stack(squares).sum()
