"""Layers of ``row_int8`` from those of torch: rounded at once, resting in 4 bits, or several as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .resting_int4 import RestingInt4
from .row_int8 import RowInt8Linear

__all__ = ["resting_linear", "side_by_side"]


def resting_linear(linear: nn.Linear, *, lowest: float | None = None) -> RowInt8Linear:
    """Stores a linear layer in 4 bits that are multiplied as 8.

    Args:
        linear: The layer.
        lowest: As in ``RowInt8Linear``.

    Returns:
        What stands in its place in a graph.
    """
    codes = RestingInt4.of(linear)
    return RowInt8Linear(codes, codes.scales, linear.bias, lowest=lowest)


def side_by_side(parts: Sequence[RowInt8Linear]) -> RowInt8Linear | None:
    """Makes one layer of several that read the same input; its output is theirs, one after the other.

    Args:
        parts: The layers.

    Returns:
        The layer; None where they are stored in different forms.
    """
    codes: Tensor | RestingInt4
    resting = [part.codes for part in parts if isinstance(part.codes, RestingInt4)]
    ready: list[Tensor] = [part.codes for part in parts if isinstance(part.codes, Tensor)]
    if len(resting) == len(parts):
        codes = RestingInt4.beside(resting)
    elif len(ready) == len(parts):
        codes = torch.cat(ready, 1)
    else:
        return None
    biases = [torch.zeros_like(part.scales) if part.bias is None else part.bias for part in parts]
    return RowInt8Linear(codes, torch.cat([part.scales for part in parts]), torch.cat(biases), lowest=parts[0].lowest)
