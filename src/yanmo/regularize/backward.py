"""The backward pass of a training step: a loss checked, carried back, and its own gradient read on the way."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = ["Backward", "LossFn", "ReadGradients", "backward_and_read", "evaluate", "gradients_of", "plain_backward"]

LossFn: TypeAlias = Callable[[], Tensor]
"""Computes the loss of one batch anew, with the parameters and random state as they are."""
Backward: TypeAlias = Callable[[Tensor], object]
"""Adds a loss's gradient to ``.grad``: ``plain_backward``, ``accelerator.backward``, a scaler's, a sum's share.

All backward passes of a step come before a float16 scaler's ``unscale_``: what they add is scaled."""


class ReadGradients(NamedTuple):
    """Gradients of a loss that was carried back."""

    gradients: list[Tensor]
    """``d loss / d tensor`` of each tensor, in at least float32; zero where the loss does not depend on it."""
    factor: Tensor
    """What ``backward`` multiplied the loss by: a scaler's factor, an accumulated step's share, flooding's sign."""

    @property
    def are_finite(self) -> bool:
        """Whether every entry is; a scaler's overflow is the usual reason why not."""
        return all(bool(torch.isfinite(gradient).all()) for gradient in self.gradients)


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
    if not isinstance(loss, Tensor):
        problem = f"the loss is a {type(loss).__name__}, a tensor was expected"
        raise InputError(problem, fix="leave .item() to whoever prints it")
    if loss.ndim:
        raise InputError(f"the loss has the shape {list(loss.shape)}, one number was expected", fix="take its mean")
    if not torch.isfinite(loss):
        raise InputError(f"the loss is {loss.item()}", fix="find where with yanmo.probe.first_nonfinite")
    return loss


def backward_and_read(
    loss: Float[Tensor, ""], tensors: Sequence[Tensor], *, backward: Backward, share: float = 1.0
) -> ReadGradients:
    """Carries a share of a loss back and returns the whole loss's gradient of some tensors.

    ``.grad`` would not do: it holds earlier batches too, and whatever ``backward`` makes of the loss. That factor is
    read from the loss's own gradient. Reentrant checkpointing brings a leaf's gradient in several parts, which add up.

    Args:
        loss: The loss.
        tensors: Leaves that require a gradient.
        backward: How a loss is carried back.
        share: Factor on what is carried back, above 0.

    Returns:
        The gradients, and the factor that they were divided by.

    Raises:
        InputError: Nothing that the loss depends on requires a gradient, or ``backward`` did not reach the loss.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> read = backward_and_read(x**2, [x], backward=lambda loss: (loss / 8).backward())
        >>> read.gradients, read.factor, x.grad
        ([tensor(6.)], tensor(0.1250), tensor(0.7500))
    """
    _check_learns(loss)
    factors: list[Tensor] = []
    parts: list[list[Tensor]] = [[] for _ in tensors]
    hooks = [loss.register_hook(factors.append)]  # type: ignore[no-untyped-call]
    for part, tensor in zip(parts, tensors, strict=True):
        hooks.append(tensor.register_hook(partial(_append, part)))  # type: ignore[no-untyped-call]
    try:
        backward(loss if share == 1 else share * loss)
    finally:
        for hook in hooks:
            hook.remove()
    if not factors:
        raise InputError("backward did not carry the loss back", fix="it must call .backward() on what it is given")
    factor = torch.stack(factors).sum()
    factor = torch.where(factor == 0, 1, factor)
    sums = [_wide_sum(part, tensor) for part, tensor in zip(parts, tensors, strict=True)]
    return ReadGradients([total / factor for total in sums], factor)


def gradients_of(
    loss: Float[Tensor, ""], tensors: Sequence[Tensor], *, factor: Tensor | None = None, create_graph: bool = False
) -> list[Tensor]:
    """Returns ``d loss / d tensor`` of some tensors, in at least float32, and leaves every ``.grad`` as it is.

    Args:
        loss: The loss.
        tensors: What the gradient is taken of.
        factor: Multiplies the loss on the way and is divided out at the end, so that float16 does not flush what is
            small to zero; None is 1.
        create_graph: Whether the gradient itself can be differentiated.

    Returns:
        The gradients; zero where the loss does not depend on a tensor.

    Raises:
        InputError: Nothing that the loss depends on requires a gradient, or it was computed under reentrant
            checkpointing, which torch cannot take such a gradient through.
    """
    _check_learns(loss)
    try:
        found = torch.autograd.grad(
            loss, tensors, factor, create_graph=create_graph, allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise InputError(
            "this gradient cannot be taken through reentrant checkpointing", fix="checkpoint with use_reentrant=False"
        ) from error
    wide = [_wide_sum([gradient], tensor) for gradient, tensor in zip(found, tensors, strict=True)]
    return wide if factor is None else [gradient / factor for gradient in wide]


def _append(part: list[Tensor], gradient: Tensor) -> None:
    part.append(gradient)


def _wide_sum(parts: Sequence[Tensor], like: Tensor) -> Tensor:
    wide = torch.promote_types(like.dtype, torch.float32)
    if not parts:
        return torch.zeros_like(like, dtype=wide)
    first, *rest = [(part.to_dense() if part.is_sparse else part).to(wide) for part in parts]
    for part in rest:
        first = first + part
    return first


def _check_learns(loss: Tensor) -> None:
    if not loss.requires_grad:
        raise InputError(
            "the loss depends on nothing that requires a gradient",
            fix="compute it outside torch.no_grad(), from parameters that learn",
        )
