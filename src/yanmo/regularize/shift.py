"""Moving what a loss depends on and bringing it back: tensors in place, or the input of a module."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["overwrite", "restored", "shift", "shifted_input"]


@contextmanager
def restored(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Brings tensors back to their values, bit for bit, when a ``with`` block ends, also by an exception.

    Inside ``torch.autocast`` a layer goes on with the copy of its weight that it cast first, and does not see that the
    weight has changed. So these copies are dropped at the beginning and at the end; inside the block change values
    before the first pass, or call ``torch.clear_autocast_cache()`` after each change.

    Args:
        tensors: What the block may change in place.

    Yields:
        Copies of the values at the start.

    Example:
        >>> x = torch.tensor(0.1)
        >>> with restored([x]):
        ...     _ = x.add_(1e8)
        >>> x
        tensor(0.1000)
    """
    tensors = list(tensors)
    before = [tensor.detach().clone() for tensor in tensors]
    torch.clear_autocast_cache()
    try:
        yield before
    finally:
        overwrite(tensors, before)


@torch.no_grad()
def overwrite(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Gives tensors new values in place, in a way that autocast notices.

    Args:
        tensors: Changed in place.
        values: As many, of the same shapes.
    """
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
    torch.clear_autocast_cache()


@torch.no_grad()
def shift(tensors: Sequence[Tensor], directions: Sequence[Tensor], *, length: float) -> None:
    """Adds ``length * direction`` to each tensor in place, in a way that autocast notices.

    Args:
        tensors: Changed in place.
        directions: As many, of the same shapes.
        length: Factor on the directions.
    """
    for tensor, direction in zip(tensors, directions, strict=True):
        tensor.add_(direction.to(tensor.dtype), alpha=length)
    torch.clear_autocast_cache()


@contextmanager
def shifted_input(module: nn.Module, offset: Tensor) -> Iterator[None]:
    """Adds a tensor to the first argument of a module within a ``with`` block.

    With zeros that require a gradient it makes any layer's input a leaf that a regularizer can take a gradient of and
    move, also where the weights below are frozen or the input was read from a file.

    Args:
        module: The module; its first argument is given by position.
        offset: Of the input's shape.

    Yields:
        Nothing.

    Example:
        >>> layer, offset = nn.Identity(), torch.zeros(2, requires_grad=True)
        >>> with shifted_input(layer, offset):
        ...     (3 * layer(torch.ones(2))).sum().backward()
        >>> offset.grad
        tensor([3., 3.])
    """

    def add(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (arguments[0] + offset, *arguments[1:])

    handle = module.register_forward_pre_hook(add)
    try:
        yield
    finally:
        handle.remove()
