"""PGD: the worst place within a distance, sought in several steps."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..errors import InputError, chosen
from .backward import Backward, LossFn, ReadGradients, backward_and_read, evaluate, gradients_of, plain_backward
from .direction import Scope, clip_length, unit_direction
from .fgm import AdversarialLosses
from .leaves import learning_tensors
from .randomness import RandomState
from .shift import overwrite, restored
from .strength import check_strength

__all__ = ["pgd_backward"]

# The steps together are this much longer than the distance, so that they can also turn along its sphere.
_REACH = 1.5


def pgd_backward(
    loss_fn: LossFn,
    tensors: Iterable[Tensor],
    *,
    epsilon: float,
    n_steps: int = 3,
    scope: Scope | str = Scope.WHOLE,
    backward: Backward = plain_backward,
) -> AdversarialLosses:
    """Adds the gradient of ``(L(x) + L(x + d_n)) / 2`` to ``.grad``.

    ``d_0 = 0`` and ``d_{k+1} = clip(d_k + (1.5 epsilon / n) g_k / |g_k|)`` with ``g_k = dL/dx`` at ``x + d_k`` and
    the length clipped to epsilon. One step is FGM. All passes drop the same components. Takes the place of
    ``loss_fn().backward()`` and costs ``n + 1`` of it, a little less in the middle. Where a gradient overflows (a
    float16 scaler's factor), the search ends; if it is the first, the last pass is left out, ``.grad`` is not finite
    and the scaler skips the step.

    Args:
        loss_fn: Computes the batch's loss.
        tensors: What is perturbed; unchanged afterwards.
        epsilon: Largest length of the perturbation, in the tensors' own unit; 0 is the plain step.
        n_steps: Number of steps.
        scope: Whether the length is that of the whole or of each example.
        backward: How a loss is carried back.

    Returns:
        Both losses; the same twice where nothing was perturbed.

    Raises:
        InputError: The strength is no number from 0 up, the scope is none, there is no step, the loss is not finite,
            there is no tensor, one is no leaf that learns, or the loss is under reentrant checkpointing.

    Example:
        >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> pgd_backward(lambda: x.square().sum() / 2, [x], epsilon=1.0).adversarial.item()
        18.0

    Source: arXiv:1706.06083. Its sibling of one step is ``fgm_backward``.
    """
    check_strength("epsilon", epsilon)
    if n_steps < 1:
        raise InputError(f"n_steps is {n_steps}, at least 1 was expected")
    scope, tensors = chosen(Scope, scope, name="scope"), learning_tensors(tensors)
    state = RandomState.now()
    loss = evaluate(loss_fn)
    if epsilon == 0:
        backward(loss)
        return AdversarialLosses(loss.detach(), loss.detach())
    read = backward_and_read(loss, tensors, backward=backward, share=0.5)
    if not read.are_finite:
        return AdversarialLosses(loss.detach(), loss.detach())
    length = _REACH * epsilon / n_steps
    moved = [torch.zeros_like(g) for g in read.gradients]
    with restored(tensors) as before:
        for step in range(n_steps):
            if step:
                state.restore()
                read = ReadGradients(gradients_of(evaluate(loss_fn), tensors, factor=read.factor), read.factor)
                if not read.are_finite:
                    break
            pairs = zip(moved, unit_direction(read.gradients, scope=scope), strict=True)
            moved = clip_length([m + length * d for m, d in pairs], limit=epsilon, scope=scope)
            overwrite(tensors, [value + m for value, m in zip(before, moved, strict=True)])
        state.restore()
        worse = evaluate(loss_fn)
        backward(worse / 2)
    return AdversarialLosses(loss.detach(), worse.detach())
