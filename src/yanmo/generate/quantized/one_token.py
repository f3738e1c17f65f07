"""One token through a layer of a quantized GPT-2: four products and a few compiled steps between them."""

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import nn
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from ...errors import InputError
from .linear import QuantizedLinear
from .token_kernels import add, attend, gelu, normalize

__all__ = ["OneToken"]

_Array = NDArray[np.float32]


class OneToken:
    """A layer's arithmetic for one row, ``x += attention(norm x)``, then ``x += feed forward(norm x)``.

    It looks up the weights once; those that the layer gets later are not its own.

    Args:
        block: The layer, its maps quantized, with the activation ``gelu_new``.

    Raises:
        InputError: A map of the layer is not quantized.
    """

    def __init__(self, block: GPT2Block) -> None:
        self._before_attention, self._before_feed_forward = _Norm(block.ln_1), _Norm(block.ln_2)
        self._projected, self._mixed = _Map(block, "attn.c_attn"), _Map(block, "attn.c_proj")
        self._inner, self._outer = _Map(block, "mlp.c_fc"), _Map(block, "mlp.c_proj")
        self._scaling: float = block.attn.scaling

    def __call__(
        self,
        x: Float32[np.ndarray, " hidden"],
        keys: Float32[np.ndarray, "heads room head"],
        values: Float32[np.ndarray, "heads room head"],
        n_known: int,
    ) -> None:
        """Computes the layer in place.

        Args:
            x: The token's hidden state; what comes out of the layer takes its place.
            keys: Keys of all heads; this token's are written as the last of those known.
            values: Values, likewise.
            n_known: So many tokens have keys and values, this one counted.
        """
        normed = self._projected.room()
        self._before_attention(x, normed)
        mixed = self._mixed.room()
        projected = self._projected.product(normed)
        attend(projected, self._projected.bias, keys, values, n_known, self._scaling, mixed)
        add(x, self._mixed.product(mixed), self._mixed.bias)
        normed, active = self._inner.room(), self._outer.room()
        self._before_feed_forward(x, normed)
        gelu(self._inner.product(normed), self._inner.bias, active)
        add(x, self._outer.product(active), self._outer.bias)


class _Norm:
    def __init__(self, norm: nn.LayerNorm) -> None:
        self._gain, self._bias, self._epsilon = norm.weight.numpy(), norm.bias.numpy(), norm.eps

    def __call__(self, x: _Array, out: _Array) -> None:
        normalize(x, self._gain, self._bias, self._epsilon, out)


class _Map:
    def __init__(self, block: GPT2Block, name: str) -> None:
        linear = block.get_submodule(name)
        if not isinstance(linear, QuantizedLinear):
            raise InputError(f"'{name}' is not quantized", fix="build the layer with quantized_gpt2")
        self.product = linear.matrix.row_product()
        self.bias: _Array = linear.bias.numpy()
        self._width = linear.matrix.stored_width

    def room(self) -> _Array:
        """Makes a row of zeros as wide as the padded inputs, whose padding stays zero."""
        return np.zeros(self._width, np.float32)
