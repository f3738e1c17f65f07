"""Weights that rest in 4 bits and are unfolded, once when the graph is loaded, into the codes of ``row_int8``."""

import torch
from jaxtyping import Int8
from torch import Tensor, nn

from .block_weights import quantize_blocks, restore_blocks
from .graph_node import graph_node
from .row_int8 import ROW_LIMIT, RowInt8Linear, quantize_channels
from .weight_plan import WeightForm

__all__ = ["RestingInt4", "resting_linear"]


class RestingInt4(nn.Module):
    """Codes of ``RowInt8Linear`` from 4 bits with one scale a block; a graph computes them only when it is loaded.

    Every operation here has constant inputs, so that ONNX Runtime computes it once and keeps the result in its place.

    Args:
        linear: The layer to store.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        codes, scales = quantize_blocks(linear.weight, WeightForm.INT4)
        n_columns = linear.in_features
        restored = restore_blocks(codes, scales, WeightForm.INT4, n_columns=n_columns)
        _, channel_scales = quantize_channels(restored, limit=ROW_LIMIT)
        half = scales.half()
        self.codes = nn.Buffer(codes.flatten(1))
        self.block_scales = nn.Buffer(half if torch.equal(half.float(), scales) else scales)
        self.scales = nn.Buffer(channel_scales)
        self.rows = nn.Buffer(torch.arange(len(codes)))
        self.shape = (len(codes), codes.shape[1] * WeightForm.INT4.block)
        self.n_columns = n_columns

    def forward(self) -> Int8[Tensor, "in out"]:
        """Returns the codes."""
        attributes = {"bits": 4, "block_size": WeightForm.INT4.block, "gather_axis": 0, "quantize_axis": 1}
        inputs = (self.codes, self.rows, self.block_scales.float())
        weight = graph_node("GatherBlockQuantized", inputs, attributes, self.shape)[:, : self.n_columns]
        return (weight / self.scales[:, None]).round().to(torch.int8).T


def resting_linear(linear: nn.Linear, *, lowest: float | None = None) -> RowInt8Linear:
    """Stores a linear layer in 4 bits that are multiplied as 8.

    Args:
        linear: The layer.
        lowest: As in ``RowInt8Linear``.

    Returns:
        What stands in its place in a graph.
    """
    codes = RestingInt4(linear)
    return RowInt8Linear(codes, codes.scales, linear.bias, lowest=lowest)
