"""The gradient here and a little way up it: one more ordinary pass in place of a second derivative."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from .backward import Backward, LossFn, backward_and_read, evaluate
from .direction import Scope, unit_direction
from .leaves import learning_tensors
from .randomness import RandomState
from .shift import restored, shift

__all__ = ["TwoGradients", "two_gradients_backward"]


class TwoGradients(NamedTuple):
    """What both passes saw, without graphs."""

    plain: Tensor
    """The loss here."""
    moved: Tensor
    """The loss up the gradient; the loss here where nothing was moved."""
    norm: Tensor
    """``|g|``."""


def two_gradients_backward(
    loss_fn: LossFn,
    parameters: Iterable[Tensor],
    *,
    step: float,
    factor: Callable[[Tensor], Tensor | float],
    backward: Backward,
) -> TwoGradients:
    """Adds ``g + c (dL/dx(x + step v) - g)`` to ``.grad``, ``v = g / |g|`` and ``c = factor(|g|)``.

    Both passes drop the same components. Where ``g`` is zero, or not finite (a float16 scaler's factor overflows, and
    it skips the step), or ``c`` is 0, the second pass is left out.

    Args:
        loss_fn: Computes the batch's loss.
        parameters: What the gradient is taken of; unchanged afterwards.
        step: Distance between the two gradients, in the parameters' unit.
        factor: Of the norm.
        backward: How a loss is carried back, the same way in both passes.

    Returns:
        Both losses and the norm.
    """
    parameters = learning_tensors(parameters)
    state = RandomState.now()
    loss = evaluate(loss_fn)
    gradients = backward_and_read(loss, parameters, backward=backward).gradients
    norm = torch.stack([g.norm() for g in gradients]).norm()
    weight = factor(norm)
    if step == 0 or norm == 0 or not torch.isfinite(norm) or weight == 0:
        return TwoGradients(loss.detach(), loss.detach(), norm)
    with restored(parameters):
        shift(parameters, unit_direction(gradients, scope=Scope.WHOLE), length=step)
        state.restore()
        # The subtraction as part of the loss, so that scaling and averaging over processes reach both terms alike.
        line = torch.stack([(g * p).sum() for g, p in zip(gradients, parameters, strict=True)]).sum()
        moved = evaluate(loss_fn)
        backward(weight * (moved - line))
    return TwoGradients(loss.detach(), moved.detach(), norm)
