"""transformers' GPT-2 with its weight matrices replaced by matrices in 8 or 4 bits."""

from collections.abc import Callable

import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from .block import QuantizedBlock
from .linear import QuantizedEmbedding, QuantizedLinear, QuantizedOutput
from .matrix import QuantizedMatrix

__all__ = ["quantized_gpt2", "stored_widths"]

# GPT-2's maps, by the module of a layer that holds them, and their widths in units of the hidden width; the inner width
# of the feed-forward part is set apart.
_MAPS = {
    "attn.c_attn": ("n", "3n"),
    "attn.c_proj": ("n", "n"),
    "mlp.c_fc": ("n", "inner"),
    "mlp.c_proj": ("inner", "n"),
}


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
        network.transformer.h = nn.ModuleList(QuantizedBlock(config, index) for index in range(config.n_layer))
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
