"""The parameter gradient penalty without a double backward: one more ordinary pass a little way up the gradient."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from ..errors import InputError
from .backward import Backward, LossFn, plain_backward
from .strength import check_strength
from .two_gradients import two_gradients_backward

__all__ = ["PenalizedLoss", "finite_difference_penalty_backward"]


class PenalizedLoss(NamedTuple):
    """What a penalized step saw, without graphs."""

    plain: Tensor
    """The loss without the penalty."""
    squared_norm: Tensor
    """``|dL/dx|^2``, without weight."""


def finite_difference_penalty_backward(
    loss_fn: LossFn,
    parameters: Iterable[Tensor],
    *,
    weight: float,
    step: float = 1e-2,
    backward: Backward = plain_backward,
) -> PenalizedLoss:
    """Adds the gradient of ``L + weight * |dL/dx|^2`` to ``.grad``, ``g + 2 weight H g``, to first order in ``step``.

    ``H g = |g| (dL/dx(x + step v) - g) / step + O(step)`` with ``v = g / |g|``. So the gradient is
    ``g + c (dL/dx(x + step v) - g)``, ``c = 2 weight |g| / step``; at ``c = 1`` that is ``sam_backward``.
    Both passes drop the same components. Takes the place of ``loss_fn().backward()``, at twice its cost. Where a
    float16 scaler's factor makes ``g`` overflow, the second pass is left out: ``.grad`` is not finite, and the scaler
    skips the step.

    Args:
        loss_fn: Computes the batch's loss.
        parameters: What the gradient is taken of; unchanged afterwards.
        weight: Factor on the squared norm; 0 is the plain step.
        step: Distance between the two gradients, in the parameters' unit: an error of its order above, rounding below.
        backward: How a loss is carried back, the same way in both passes.

    Returns:
        The loss and the squared norm, which is not finite where the gradient is not.

    Raises:
        InputError: The strength is no number from 0 up, the step not above 0, the loss not finite, there is no
            parameter, or one is no leaf that learns.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> curvature = torch.tensor([1.0, 3.0])
        >>> loss = finite_difference_penalty_backward(lambda: (curvature * x**2).sum() / 2, [x], weight=0.5)
        >>> [round(value, 1) for value in x.grad.tolist()]  # H x + H H x
        [2.0, 24.0]

    Source: kexue.fm/archives/7787; arXiv:2010.01412 for sharpness-aware minimization. Exact, at more memory:
    ``gradient_penalty_loss``.
    """
    check_strength("weight", weight)
    if not (step > 0 and math.isfinite(step)):
        raise InputError(f"step is {step}, a number above 0 was expected")
    found = two_gradients_backward(
        loss_fn, parameters, step=step, factor=lambda norm: 2 * weight * norm / step, backward=backward
    )
    return PenalizedLoss(found.plain, found.norm.square())
