"""Linear layers in 8-bit integers, one scale per output channel and per token: no score depends on its batch."""

import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn

from .graph_node import graph_node

__all__ = ["ROW_LIMIT", "RowInt8Linear", "quantize_channels", "round_tokens"]

# 7 of the 8 bits: processors without VNNI add two products in 16 bits, and 2 * 255 * 64 is the most that fits.
ROW_LIMIT = 63
"""The largest multiple of a weight's scale."""
_TOKEN_LIMIT = 127


def quantize_channels(
    weight: Float[Tensor, "out in"], *, limit: int
) -> tuple[Int8[Tensor, "out in"], Float[Tensor, " out"]]:
    """Rounds each row of a matrix to whole multiples of one scale.

    Args:
        weight: The matrix; a row makes one output channel.
        limit: The largest multiple, up to 127.

    Returns:
        The multiples, and the scale of each row; a row of zeros has the scale 1.

    Example:
        >>> codes, scales = quantize_channels(torch.tensor([[6.3, -0.1], [0.0, 0.0]]), limit=63)
        >>> codes.tolist(), [round(scale, 6) for scale in scales.tolist()]
        ([[63, -1], [0, 0]], [0.1, 1.0])
    """
    weight = weight.detach()
    largest = weight.abs().amax(-1)
    scales = torch.where(largest == 0, 1.0, largest / limit)
    return (weight / scales[:, None]).round().clamp(-limit, limit).to(torch.int8), scales


def round_tokens(x: Float[Tensor, "*batch width"]) -> tuple[Float[Tensor, "*batch width"], Float[Tensor, "*batch 1"]]:
    """Rounds each token's vector to whole multiples, -127 to 127, of one scale.

    Args:
        x: Activations, [..., width].

    Returns:
        The multiples, still floats, and the scale of each token.
    """
    # The smallest normal number keeps a vector of zeros from dividing by zero.
    scale = x.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny * _TOKEN_LIMIT) / _TOKEN_LIMIT
    return (x / scale).round(), scale


class RowInt8Linear(nn.Module):
    """A linear layer multiplied in 8-bit integers; it computes only inside an exported graph.

    ``y = s_token * (s_channel * (q_token q_channel^T)) + b`` with the product in whole numbers. ONNX Runtime's own
    ``quantize_dynamic`` has one scale for all activations of a batch, so that there a score depends on its company.

    Args:
        linear: The layer to store.

    Its sibling ``BlockLinear`` has a scale for every 128 weights: finer and slower.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        codes, scales = quantize_channels(linear.weight, limit=ROW_LIMIT)
        self.codes = nn.Buffer(codes.T.contiguous())
        self.scales = nn.Buffer(scales)
        self.one = nn.Buffer(torch.ones(()))
        self.middle = nn.Buffer(torch.tensor(128, dtype=torch.uint8))
        self.bias = linear.bias

    def forward(self, x: Float[Tensor, "... in_width"]) -> Float[Tensor, "... out_width"]:
        """Returns ``x W^T + b``."""
        tokens, scale = round_tokens(x)
        # Unsigned activations with the zero in the middle: the kernels are written for them.
        unsigned = (tokens + 128.0).to(torch.uint8)
        inputs = (unsigned, self.codes, self.one, self.scales, self.middle)
        shape = (*x.shape[:-1], self.codes.shape[1])
        y = graph_node("MatMulIntegerToFloat", inputs, {}, shape) * scale
        return y if self.bias is None else y + self.bias
