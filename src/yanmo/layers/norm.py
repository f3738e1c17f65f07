"""Layer normalization, plain and conditional: the one place where a condition enters the network."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["ConditionalLayerNorm", "LayerNorm"]


class LayerNorm(nn.Module):
    """Layer normalization that takes no condition.

    ``y = weight * (x - mean) / sqrt(var + eps) + bias``, mean and variance over the last axis.

    Args:
        width: Size of the last axis.
        eps: Added to the variance.

    Source: arXiv:1607.06450. Its sibling with a condition is ``ConditionalLayerNorm``.
    """

    def __init__(self, width: int, *, eps: float = 1e-12) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(
        self, x: Float[Tensor, "batch *seq hidden"], condition: Float[Tensor, "batch condition"] | None
    ) -> Float[Tensor, "batch *seq hidden"]:
        """Normalizes ``x``.

        Args:
            x: What to normalize, shape [batch, ..., hidden].
            condition: Must be None.

        Returns:
            The normalized ``x``, same shape.

        Raises:
            InputError: A condition is given, which this norm could only ignore.
        """
        if condition is not None:
            raise InputError("a plain LayerNorm was given a condition", fix="use ConditionalLayerNorm or pass None")
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class ConditionalLayerNorm(nn.Module):
    """Layer normalization whose scale and shift depend linearly on a condition.

    ``y = (weight + W_g c) * (x - mean) / sqrt(var + eps) + (bias + W_b c)``. Both maps start at zero, so that a
    pretrained model is unchanged, bit for bit, whatever the condition.

    Args:
        width: Size of the last axis.
        condition_width: Size of the condition ``c``.
        eps: Added to the variance.

    Example:
        >>> norm, x = ConditionalLayerNorm(8, condition_width=3), torch.randn(2, 5, 8)
        >>> torch.equal(norm(x, torch.randn(2, 3)), LayerNorm(8)(x, None))
        True

    Source: kexue.fm/archives/7124 and 8337.
    """

    def __init__(self, width: int, *, condition_width: int, eps: float = 1e-12) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.weight_map = nn.Parameter(torch.zeros(width, condition_width))
        self.bias_map = nn.Parameter(torch.zeros(width, condition_width))
        self.eps = eps

    def forward(
        self, x: Float[Tensor, "batch *seq hidden"], condition: Float[Tensor, "batch condition"] | None
    ) -> Float[Tensor, "batch *seq hidden"]:
        """Normalizes every row of the batch with the scale and shift of its own condition.

        Args:
            x: What to normalize, shape [batch, ..., hidden].
            condition: One condition a row, shape [batch, condition_width].

        Returns:
            The normalized ``x``, same shape.

        Raises:
            InputError: The condition is None.
        """
        if condition is None:
            raise InputError("a conditional LayerNorm was given no condition", fix="pass the task's vector")
        rows = (x.shape[0],) + (1,) * (x.ndim - 2) + (x.shape[-1],)
        weight = torch.addmm(self.weight, condition, self.weight_map.T).view(rows)
        bias = torch.addmm(self.bias, condition, self.bias_map.T).view(rows)
        normalized = F.layer_norm(x, self.weight.shape, None, None, self.eps)
        # addcmul multiplies and adds in one rounding, as the fused kernel of the plain norm does.
        return torch.addcmul(bias, normalized, weight)
