"""8-bit weights written as plain graph operations, a pattern that OpenVINO recognizes and computes in 8 bits."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from .row_int8 import quantize_channels

__all__ = ["CHANNEL_LIMIT", "ChannelInt8Embedding", "ChannelInt8Linear"]

CHANNEL_LIMIT = 127
"""The largest multiple of a scale."""


class ChannelInt8Linear(nn.Module):
    """``y = x (s_channel * codes)^T + b``, with the product spelled out as conversion, scaling and multiplication.

    OpenVINO sees the pattern, keeps the codes and rounds every token's activations in 8 bits as it multiplies; anything
    else that reads the graph computes with rounded weights and float activations.

    Args:
        linear: The layer to store.

    Its sibling ``RowInt8Linear`` spells the rounding of activations out for ONNX Runtime.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        codes, scales = quantize_channels(linear.weight, limit=CHANNEL_LIMIT)
        self.codes = nn.Buffer(codes.T.contiguous())
        self.scales = nn.Buffer(scales[None])
        self.bias = linear.bias

    def forward(self, x: Float[Tensor, "... in_width"]) -> Float[Tensor, "... out_width"]:
        """Returns ``x W^T + b``."""
        y: Tensor = x @ (self.codes.to(torch.float32) * self.scales)
        return y if self.bias is None else y + self.bias


class ChannelInt8Embedding(nn.Module):
    """An embedding table with one scale a row.

    Args:
        table: The table to store.
    """

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        codes, scales = quantize_channels(table.weight, limit=CHANNEL_LIMIT)
        self.codes = nn.Buffer(codes)
        self.scales = nn.Buffer(scales[:, None])
        self.num_embeddings = table.num_embeddings

    def forward(self, ids: Int[Tensor, "..."]) -> Float[Tensor, "... width"]:
        """Returns the rows of ``ids``."""
        return F.embedding(ids, self.codes).to(torch.float32) * F.embedding(ids, self.scales)
