"""Weights that rest in 4 bits and are unfolded, once when the graph is loaded, into the codes of ``row_int8``."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor, nn

from .block_weights import quantize_blocks, restore_blocks
from .graph_node import graph_node
from .row_int8 import ROW_LIMIT, quantize_channels
from .weight_plan import WeightForm

__all__ = ["RestingInt4"]

_BLOCK = WeightForm.INT4.block


class RestingInt4(nn.Module):
    """Codes of ``RowInt8Linear`` from 4 bits with one scale a block; a graph computes them only when it is loaded.

    Every operation has constant inputs and is of the standard, so that ONNX Runtime computes it once and keeps the
    result in its place. Few of them see floats: a sign is had by moving a code into the upper half of its byte.

    Args:
        packed: Signed codes of two's complement in 4 bits: in the lower halves those of the first half of the inputs.
        block_scales: One for each block of inputs and output channel.
        scales: One for each output channel, of the 8-bit codes.
        n_columns: Inputs, without those that fill up the last block.
    """

    def __init__(
        self,
        packed: UInt8[Tensor, "half out"],
        block_scales: Float[Tensor, "blocks out"],
        scales: Float[Tensor, " out"],
        *,
        n_columns: int,
    ) -> None:
        super().__init__()
        half = block_scales.half()
        self.packed = nn.Buffer(packed)
        self.block_scales = nn.Buffer(half if torch.equal(half.float(), block_scales.float()) else block_scales)
        self.scales = nn.Buffer(scales)
        self.zero = nn.Buffer(torch.zeros(len(scales), dtype=torch.int8))
        self.four = nn.Buffer(torch.tensor(4, dtype=torch.uint8))
        self.upper = nn.Buffer(torch.tensor(0xF0, dtype=torch.uint8))
        self.n_columns = n_columns

    @classmethod
    def of(cls, linear: nn.Linear) -> "RestingInt4":
        """Rounds a linear layer's weights twice: to the grid of 4 bits, and that to 8 bits by channel."""
        codes, scales = quantize_blocks(linear.weight, WeightForm.INT4)
        n_columns = linear.in_features
        restored = restore_blocks(codes, scales, WeightForm.INT4, n_columns=n_columns)
        levels = torch.stack([codes & 15, codes >> 4], -1).flatten(1)
        signed = ((levels + 8) & 15).T.contiguous()
        half = len(signed) // 2
        packed = signed[:half] | (signed[half:] << 4)
        return cls(packed, scales.T.contiguous(), quantize_channels(restored, limit=ROW_LIMIT)[1], n_columns=n_columns)

    @classmethod
    def beside(cls, parts: Sequence["RestingInt4"]) -> "RestingInt4":
        """Sets the codes of layers with the same inputs side by side."""
        return cls(
            torch.cat([part.packed for part in parts], 1),
            torch.cat([part.block_scales.float() for part in parts], 1),
            torch.cat([part.scales for part in parts]),
            n_columns=parts[0].n_columns,
        )

    def forward(self) -> Int8[Tensor, "in out"]:
        """Returns the codes."""
        shape, out = self.packed.shape, self.packed.shape[1]
        low = graph_node("::BitShift", (self.packed, self.four), {"direction": "LEFT"}, shape, dtype=torch.uint8)
        high = graph_node("::BitwiseAnd", (self.packed, self.upper), {}, shape, dtype=torch.uint8)
        # The sign bit of a code is now that of its byte, and the code sixteen times as large.
        sixteenfold = torch.cat([low, high]).to(torch.int8).to(torch.float32).view(-1, _BLOCK, out)
        weight = (sixteenfold * (self.block_scales.float() * (1 / 16))[:, None, :]).view(-1, out)[: self.n_columns]
        inputs = (weight, self.scales, self.zero)
        return graph_node("::QuantizeLinear", inputs, {"axis": 1}, (self.n_columns, out), dtype=torch.int8)
