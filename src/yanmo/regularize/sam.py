"""Sharpness-aware minimization: the gradient of a place a little way up the gradient."""

from collections.abc import Iterable

from torch import Tensor

from .backward import Backward, LossFn, plain_backward
from .fgm import AdversarialLosses
from .strength import check_strength
from .two_gradients import two_gradients_backward

__all__ = ["sam_backward"]


def sam_backward(
    loss_fn: LossFn, parameters: Iterable[Tensor], *, rho: float, backward: Backward = plain_backward
) -> AdversarialLosses:
    """Adds ``dL/dx(x + rho g / |g|)`` to ``.grad``, which descends ``max L`` within ``rho`` of ``x``, to first order.

    To first order in ``rho`` it descends ``L + rho |g|``: the length of the gradient is punished, where
    ``finite_difference_penalty_backward`` punishes its square. Takes the place of ``loss_fn().backward()``, at twice
    its cost; parameters are as they were when it returns, also where the loss raises.

    Args:
        loss_fn: Computes the batch's loss; both passes drop the same components.
        parameters: All that learns.
        rho: Length of the move, in the parameters' unit; 0 is the plain step.
        backward: How a loss is carried back, the same way in both passes.

    Returns:
        The losses here and up the gradient.

    Raises:
        InputError: The strength is no number from 0 up, the loss not finite, there is no parameter, or one is no leaf
            that learns.

    Example:
        >>> import torch
        >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> losses = sam_backward(lambda: x.square().sum() / 2, [x], rho=1.0)
        >>> [round(value, 4) for value in x.grad.tolist()], losses.adversarial.item()
        ([3.6, 4.8], 18.0)

    Source: arXiv:2010.01412.
    """
    check_strength("rho", rho)
    found = two_gradients_backward(loss_fn, parameters, step=rho, factor=lambda _: 1.0, backward=backward)
    return AdversarialLosses(found.plain, found.moved)
