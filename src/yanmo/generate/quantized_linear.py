"""GPT-2 with weights in few bits: the layers that compute with them, and where they go in the model."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from ..errors import InputError
from .quantized_matrix import QuantizedMatrix

__all__ = ["QuantizedEmbedding", "QuantizedLinear", "QuantizedOutput", "quantized_gpt2", "stored_widths"]

# GPT-2's maps, by the module of a layer that holds them, and their widths in units of the hidden width; the inner width
# of the feed-forward part is set apart.
_MAPS = {
    "attn.c_attn": ("n", "3n"),
    "attn.c_proj": ("n", "n"),
    "mlp.c_fc": ("n", "inner"),
    "mlp.c_proj": ("inner", "n"),
}


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


def stored_widths(config: GPT2Config) -> dict[str, tuple[int, int]]:
    """Names the matrices of a GPT-2 that are stored in few bits.

    Args:
        config: The model's sizes.

    Returns:
        Output and input width of each, by the module that holds it; the token table first.

    Example:
        >>> widths = stored_widths(GPT2Config(n_layer=1, n_embd=8, vocab_size=5))
        >>> widths["transformer.wte"], widths["transformer.h.0.mlp.c_proj"]
        ((5, 8), (8, 32))
    """
    n = config.n_embd
    size = {"n": n, "3n": 3 * n, "inner": config.n_inner or 4 * n}
    layers = {
        f"transformer.h.{layer}.{name}": (size[output], size[source])
        for layer in range(config.n_layer)
        for name, (source, output) in _MAPS.items()
    }
    return {"transformer.wte": (config.vocab_size, n), **layers}


def quantized_gpt2(config: GPT2Config, make: Callable[[str, int, int], QuantizedMatrix]) -> GPT2LMHeadModel:
    """Builds a GPT-2 without values on the meta device, its matrices in stored form.

    Args:
        config: The model's sizes.
        make: Gives an empty matrix for the name of a module, its output and its input width.

    Returns:
        The model; its parts that stay float are parameters on the meta device.
    """
    with torch.device("meta"):
        network = GPT2LMHeadModel(config)
        for name, widths in stored_widths(config).items():
            matrix = make(name, *widths)
            if name == "transformer.wte":
                network.transformer.set_submodule("wte", QuantizedEmbedding(matrix))
                network.set_submodule("lm_head", QuantizedOutput(matrix))
            else:
                network.set_submodule(name, QuantizedLinear(matrix))
        if config.activation_function == "gelu_new":
            # The same function in one pass; transformers' own takes eight, a tenth of a token's time.
            for layer in network.transformer.h:
                layer.set_submodule("mlp.act", nn.GELU(approximate="tanh"))
    network.requires_grad_(False).train(False)
    return network


def _product(matrix: QuantizedMatrix, x: Tensor) -> Tensor:
    if x.requires_grad:
        raise InputError("quantized weights cannot be trained", fix="train the float model and quantize it again")
    return matrix.multiply(x.reshape(-1, x.shape[-1]).float()).view(*x.shape[:-1], matrix.out_width)
