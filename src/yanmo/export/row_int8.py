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
# The code of zero among 0 to 255: in the middle for inputs of either sign, low where hardly any input is negative.
_MIDDLE, _LOW_MIDDLE = 128, 16


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

    ``y = s_token * (s_channel * (q_token q_channel^T)) + b`` with the product in whole numbers, which no order of
    adding and no company can change. ONNX Runtime's own ``quantize_dynamic`` has one scale for all activations of a
    batch, and its block kernels add floats in an order that depends on a row's place in the batch.

    Args:
        codes: Whole multiples of the scales, [in, out]; or what gives them when the graph is loaded.
        scales: One for each output channel.
        bias: Added to the product, or None.
        lowest: The least value that an input can have, where that is known and near zero, as behind GELU: the codes of
            negative inputs then take few of the 256 levels. None for inputs of either sign.

    Its sibling ``BlockLinear`` has a scale for every 128 weights: finer and slower.
    """

    def __init__(
        self, codes: Tensor | nn.Module, scales: Float[Tensor, " out"], bias: Tensor | None, *, lowest: float | None
    ) -> None:
        super().__init__()
        self.codes = nn.Buffer(codes) if isinstance(codes, Tensor) else codes
        self.scales = nn.Buffer(scales)
        self.bias = bias
        self.lowest = lowest
        self.one = nn.Buffer(torch.ones(()))
        self.middle = nn.Buffer(torch.tensor(_MIDDLE if lowest is None else _LOW_MIDDLE, dtype=torch.uint8))

    @classmethod
    def of(cls, linear: nn.Linear, *, lowest: float | None = None) -> "RowInt8Linear":
        """Rounds a linear layer."""
        codes, scales = quantize_channels(linear.weight, limit=ROW_LIMIT)
        return cls(codes.T.contiguous(), scales, linear.bias, lowest=lowest)

    def forward(self, x: Float[Tensor, "*batch in_width"]) -> Float[Tensor, "*batch out_width"]:
        """Returns ``x W^T + b``."""
        codes = self.codes if isinstance(self.codes, Tensor) else self.codes()
        flat = x if x.ndim == 2 else x.flatten(0, -2)
        scale = self._scale(flat)
        # A node of its own for each token's scale: one pass, where division, rounding and conversion are three.
        unsigned = graph_node(
            "::QuantizeLinear",
            (flat, scale, self.middle.expand(flat.shape[0])),
            {"axis": 0},
            flat.shape,
            dtype=torch.uint8,
        )
        shape = (flat.shape[0], len(self.scales))
        y = graph_node("MatMulIntegerToFloat", (unsigned, codes, self.one, self.scales, self.middle), {}, shape)
        y = y * scale[:, None]
        if self.bias is not None:
            y = y + self.bias
        return y if x.ndim == 2 else y.view(*x.shape[:-1], len(self.scales))

    def _scale(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, " tokens"]:
        # A vector of zeros has the scale 0 and whatever codes: its product with the scale is zero.
        if self.lowest is None:
            return x.abs().amax(-1) * (1 / _TOKEN_LIMIT)
        return (x.amax(-1) * (1 / (255 - _LOW_MIDDLE))).clamp(min=-self.lowest / _LOW_MIDDLE)
