"""Directions of length one and lengths cut to a limit, safe at zero and at the ends of the number range."""

from collections.abc import Sequence
from enum import Enum

import torch
from torch import Tensor

from ..errors import InputError, chosen

__all__ = ["Scope", "clip_length", "unit_direction"]


class Scope(str, Enum):
    """What a length is taken over: all entries of all tensors, or those of one example (one row of the first axis)."""

    WHOLE = "whole"
    EXAMPLE = "example"


def unit_direction(tensors: Sequence[Tensor], *, scope: Scope | str) -> list[Tensor]:
    """Divides by the Euclidean length; a length of zero leaves zero.

    ``g / |g|`` is NaN at zero and overflows where squares do, so entries are first divided by the largest.

    Args:
        tensors: Gradients, or the like.
        scope: What a length is taken over.

    Returns:
        As many tensors of the same shapes, at least float32.

    Example:
        >>> unit_direction([torch.tensor([3.0, 4.0])], scope=Scope.WHOLE)
        [tensor([0.6000, 0.8000])]
        >>> unit_direction([torch.zeros(2)], scope=Scope.WHOLE)
        [tensor([0., 0.])]
    """
    scope = chosen(Scope, scope, name="scope")
    return [(t / m) / _or_one(n) for t, m, n in _measured(tensors, scope)]


def clip_length(tensors: Sequence[Tensor], *, limit: float, scope: Scope | str) -> list[Tensor]:
    """Scales down to a length where it is longer: the projection on the ball.

    Args:
        tensors: Shifts.
        limit: Largest length.
        scope: What a length is taken over.

    Returns:
        As many tensors of the same shapes, at least float32.

    Example:
        >>> clip_length([torch.tensor([3.0, 4.0])], limit=1.0, scope=Scope.WHOLE)
        [tensor([0.6000, 0.8000])]
    """
    scope = chosen(Scope, scope, name="scope")
    return [t * (limit / _or_one(m * n)).clamp(max=1) for t, m, n in _measured(tensors, scope)]


def _measured(tensors: Sequence[Tensor], scope: Scope) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Gives each tensor, its largest entry and its length over that, in shapes that broadcast."""
    wide = [t.to(torch.promote_types(t.dtype, torch.float32)) for t in tensors]
    if scope is Scope.EXAMPLE:
        if any(t.ndim == 0 for t in wide):
            raise InputError("a single number has no rows to measure one by one", fix="take the scope 'whole'")
        rows = [t.flatten(1) for t in wide]
        largest = [_or_one(r.abs().amax(1, keepdim=True)) for r in rows]
        lengths = [(r / m).norm(dim=1, keepdim=True) for r, m in zip(rows, largest, strict=True)]
        shapes = [(-1, *[1] * (t.ndim - 1)) for t in wide]
        return [(t, m.view(s), n.view(s)) for t, m, n, s in zip(wide, largest, lengths, shapes, strict=True)]
    most = _or_one(torch.stack([t.abs().amax() for t in wide]).amax())
    length = torch.stack([(t / most).norm() for t in wide]).norm()
    return [(t, most, length) for t in wide]


def _or_one(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 1)
