"""One pass of a training step: the loss checked, carried back, and its own gradient read on the way."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = ["Backward", "LossFn", "backward_and_read", "evaluate", "plain_backward"]

LossFn: TypeAlias = Callable[[], Tensor]
"""Computes the loss of one batch anew, with the parameters and random state as they are."""
Backward: TypeAlias = Callable[[Tensor], object]
"""Adds a loss's gradient to ``.grad``: ``plain_backward``, ``accelerator.backward``, a scaler's, a sum's share."""


def plain_backward(loss: Float[Tensor, ""]) -> None:
    """Calls ``loss.backward()``."""
    loss.backward()  # type: ignore[no-untyped-call]


def evaluate(loss_fn: LossFn) -> Float[Tensor, ""]:
    """Computes a loss and refuses one that nothing can be learned from.

    Args:
        loss_fn: Computes it.

    Returns:
        The loss, with its graph.

    Raises:
        InputError: It is not one number, or not finite.

    Example:
        >>> evaluate(lambda: torch.tensor(2.0))
        tensor(2.)
    """
    loss = loss_fn()
    if loss.ndim:
        raise InputError(f"the loss has the shape {list(loss.shape)}, one number was expected", fix="take its mean")
    if not torch.isfinite(loss):
        raise InputError(f"the loss is {loss.item()}", fix="find where with yanmo.probe.first_nonfinite")
    return loss


def backward_and_read(
    loss: Float[Tensor, ""], tensors: Sequence[Tensor], *, backward: Backward, share: float = 1.0
) -> list[Tensor]:
    """Carries a share of a loss back and returns the whole loss's gradient of some tensors.

    ``.grad`` would not do: it holds earlier batches too, and whatever ``backward`` makes of the loss (a share of an
    accumulated step, a scaler's factor, flooding's sign). That factor is read from the loss's own gradient.

    Args:
        loss: The loss.
        tensors: Leaves that require a gradient.
        backward: How a loss is carried back.
        share: Factor on what is carried back, above 0.

    Returns:
        ``d loss / d tensor`` of each; zero where the loss does not depend on it.

    Raises:
        InputError: A tensor is no leaf that requires a gradient, or ``backward`` did not reach the loss.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> backward_and_read(x**2, [x], backward=lambda loss: (loss / 8).backward()), x.grad
        ([tensor(6.)], tensor(0.7500))
    """
    for tensor in tensors:
        if not (tensor.is_leaf and tensor.requires_grad):
            raise InputError(
                f"a tensor of shape {list(tensor.shape)} is no leaf that requires a gradient",
                fix="hand in parameters that learn, or inputs after requires_grad_()",
            )
    factors: list[Tensor] = []
    found: dict[int, Tensor] = {}
    hooks = [loss.register_hook(factors.append)]  # type: ignore[no-untyped-call]
    for i, tensor in enumerate(tensors):
        hooks.append(tensor.register_hook(partial(found.__setitem__, i)))  # type: ignore[no-untyped-call]
    try:
        backward(loss if share == 1 else share * loss)
    finally:
        for hook in hooks:
            hook.remove()
    if not factors:
        raise InputError("backward did not carry the loss back", fix="it must call .backward() on what it is given")
    (factor,) = factors
    factor = torch.where(factor == 0, 1, factor)
    return [found[i] / factor if i in found else torch.zeros_like(tensor) for i, tensor in enumerate(tensors)]
