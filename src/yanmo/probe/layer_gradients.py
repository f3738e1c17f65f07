"""How long the gradient is in each layer: where learning happens, where it fades and where it bursts."""

import math
import re

import torch
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["check_factor", "layer_gradient_norms", "layer_name"]

_UP_TO_NUMBER = re.compile(r"^(.*?\.\d+)\.")


def layer_name(parameter: str) -> str:
    """Names the layer that a parameter belongs to.

    Args:
        parameter: The parameter's dotted name.

    Returns:
        The name up to its first number (``encoder.blocks.3``), or the module that owns it where there is none.

    Example:
        >>> layer_name("encoder.blocks.3.attention.query.weight"), layer_name("encoder.embedding.norm.bias")
        ('encoder.blocks.3', 'encoder.embedding.norm')
    """
    found = _UP_TO_NUMBER.match(parameter)
    return found.group(1) if found else parameter.rpartition(".")[0] or parameter


@torch.no_grad()
def layer_gradient_norms(model: nn.Module, *, factor: float = 1.0) -> dict[str, float]:
    """Returns the Euclidean norm of each layer's gradient, from ``.grad``.

    Args:
        model: The network, after a backward pass.
        factor: What the gradients are still multiplied by: a float16 scaler's ``get_scale()`` before ``unscale_``, 1
            after it.

    Returns:
        Norms by layer, in the model's order; layers without a gradient are left out.

    Raises:
        InputError: The factor is not above 0.

    Example:
        >>> model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
        >>> for layer in model: nn.init.constant_(layer.weight, 2.0).requires_grad_() and None
        >>> model(torch.ones(1)).sum().backward()
        >>> layer_gradient_norms(nn.ModuleDict({"net": model}))
        {'net.0': 2.0, 'net.1': 2.0}
    """
    check_factor(factor)
    squares: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            squares.setdefault(layer_name(name), []).append(parameter.grad.float().div(factor).norm())
    return {name: torch.stack(norms).norm().item() for name, norms in squares.items()}


def check_factor(factor: float) -> None:
    """Makes sure that gradients can be divided by a scaler's factor.

    Args:
        factor: What was given.

    Raises:
        InputError: It is not above 0, or not finite.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"the factor is {factor}, a number above 0 was expected", fix="give scaler.get_scale()")
