"""Layers that compute with weights in few bits."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...errors import InputError
from .matrix import QuantizedMatrix

__all__ = ["QuantizedEmbedding", "QuantizedLinear", "QuantizedOutput"]


class QuantizedLinear(nn.Module):
    """``y = x W^T + b`` with a stored ``W`` and float activations; in place of GPT-2's ``Conv1D``.

    Args:
        matrix: The weights.
    """

    def __init__(self, matrix: QuantizedMatrix) -> None:
        super().__init__()
        self.matrix = matrix
        self.bias = nn.Parameter(torch.zeros(matrix.out_width), requires_grad=False)

    def forward(self, x: Float[Tensor, "... in_width"]) -> Float[Tensor, "... out_width"]:
        """Returns ``x W^T + b``.

        Args:
            x: The input.

        Returns:
            The output, in float32.

        Raises:
            InputError: Gradients are asked for.
        """
        return _product(self.matrix, x).add_(self.bias)


class QuantizedOutput(nn.Module):
    """Logits ``x W^T`` with the table of tokens as ``W``.

    Args:
        matrix: The table, the same object as the embedding's.
    """

    def __init__(self, matrix: QuantizedMatrix) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, x: Float[Tensor, "... in_width"]) -> Float[Tensor, "... vocab"]:
        """Returns ``x W^T``.

        Args:
            x: Hidden states.

        Returns:
            Logits in float32.

        Raises:
            InputError: Gradients are asked for.
        """
        return _product(self.matrix, x)


class QuantizedEmbedding(nn.Module):
    """Vectors of tokens from a stored table.

    Args:
        matrix: The table, one row a token.
    """

    def __init__(self, matrix: QuantizedMatrix) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, token_ids: Int[Tensor, "..."]) -> Float[Tensor, "... width"]:
        """Returns the rows of ``token_ids`` in float32."""
        return self.matrix.rows(token_ids.flatten()).view(*token_ids.shape, -1)


def _product(matrix: QuantizedMatrix, x: Tensor) -> Tensor:
    if x.requires_grad:
        raise InputError("quantized weights cannot be trained", fix="train the float model and quantize it again")
    return matrix.multiply(x.reshape(-1, x.shape[-1]).float()).view(*x.shape[:-1], matrix.out_width)
