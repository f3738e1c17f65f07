"""FGM: one more pass where the loss is worst, at a fixed distance along the gradient."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from ..errors import chosen
from .backward import Backward, LossFn, backward_and_read, evaluate, plain_backward
from .direction import Scope, unit_direction
from .leaves import learning_tensors
from .randomness import RandomState
from .shift import restored, shift
from .strength import check_strength

__all__ = ["AdversarialLosses", "fgm_backward"]


class AdversarialLosses(NamedTuple):
    """The losses of an adversarial step, without graphs; their difference says how much the perturbation hurt."""

    plain: Tensor
    """At the tensors as they are."""
    adversarial: Tensor
    """At the perturbed ones."""


def fgm_backward(
    loss_fn: LossFn,
    tensors: Iterable[Tensor],
    *,
    epsilon: float,
    scope: Scope | str = Scope.WHOLE,
    backward: Backward = plain_backward,
) -> AdversarialLosses:
    """Adds the gradient of ``(L(x) + L(x + epsilon g / |g|)) / 2`` to ``.grad``, with ``g = dL/dx``.

    To first order that is ``L + epsilon |g| / 2``. The common form sums both gradients; this is half of it, so that
    it tends to the plain gradient as epsilon tends to 0. Both passes drop the same components, and ``g`` is this
    batch's own, not what ``.grad`` has accumulated. Takes the place of ``loss_fn().backward()``. Where a float16
    scaler's factor makes ``g`` overflow, the second pass is left out: ``.grad`` is not finite, and the scaler skips
    the step as it does without a regularizer.

    Args:
        loss_fn: Computes the batch's loss.
        tensors: What is perturbed: the token table's weight, or inputs that require a gradient. Unchanged afterwards.
        epsilon: Length of the perturbation, in the tensors' own unit; 0 is the plain step.
        scope: Whether it has this length as a whole or for each example.
        backward: How a loss is carried back.

    Returns:
        Both losses; the same twice where nothing was perturbed.

    Raises:
        InputError: The strength is no number from 0 up, the scope is none, the loss is not finite, there is no tensor,
            or one is no leaf that learns.

    Example:
        >>> import torch
        >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> losses = fgm_backward(lambda: x.square().sum() / 2, [x], epsilon=1.0)
        >>> x.grad, losses.adversarial.item()
        (tensor([3.3000, 4.4000]), 18.0)

    Source: arXiv:1605.07725, kexue.fm/archives/7234. With several smaller steps: ``pgd_backward``; without labels:
    ``vat_backward``; its first-order form: ``gradient_penalty_loss``.
    """
    check_strength("epsilon", epsilon)
    scope, tensors = chosen(Scope, scope, name="scope"), learning_tensors(tensors)
    state = RandomState.now()
    loss = evaluate(loss_fn)
    if epsilon == 0:
        backward(loss)
        return AdversarialLosses(loss.detach(), loss.detach())
    read = backward_and_read(loss, tensors, backward=backward, share=0.5)
    if not read.are_finite:
        return AdversarialLosses(loss.detach(), loss.detach())
    with restored(tensors):
        shift(tensors, unit_direction(read.gradients, scope=scope), length=epsilon)
        state.restore()
        worse = evaluate(loss_fn)
        # Before the tensors come back: a tied decoder needs the values it was computed with.
        backward(worse / 2)
    return AdversarialLosses(loss.detach(), worse.detach())
