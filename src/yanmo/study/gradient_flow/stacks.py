"""Deep stacks as they start: where the norm stands, and how the weights are drawn."""

from enum import Enum

import torch
from torch import Tensor, nn

from ...errors import chosen

__all__ = ["StackKind", "make_stack"]


class StackKind(str, Enum):
    """What is compared."""

    TANH = "tanh layers, torch default"
    TANH_ORTHOGONAL = "tanh layers, orthogonal"
    POST_NORM = "transformer, norm after"
    PRE_NORM = "transformer, norm before"
    PRE_NORM_SCALED = "transformer, norm before, scaled start"


def make_stack(kind: StackKind | str, *, width: int, n_layers: int, seed: int) -> list[nn.Module]:
    """Makes layers as they start.

    Args:
        kind: Which.
        width: Of the states.
        n_layers: How many.
        seed: Draws the weights, without touching torch's generators.

    Returns:
        The layers, which take [batch, seq, width].
    """
    kind = chosen(StackKind, kind, name="kind")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind in (StackKind.TANH, StackKind.TANH_ORTHOGONAL):
            layers: list[nn.Module] = [nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(n_layers)]
            if kind is StackKind.TANH_ORTHOGONAL:
                for layer in layers:
                    nn.init.orthogonal_(_weight(layer))
            return layers
        before = kind is not StackKind.POST_NORM
        layers = [
            nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=before)
            for _ in range(n_layers)
        ]
        if kind is StackKind.PRE_NORM_SCALED:
            # GPT-2's start: what enters the residual is divided by the root of how often it is entered.
            for layer in layers:
                for name, parameter in layer.named_parameters():
                    if name in ("self_attn.out_proj.weight", "linear2.weight"):
                        parameter.data.div_((2 * n_layers) ** 0.5)
        return layers


def _weight(layer: nn.Module) -> Tensor:
    return next(layer.parameters())
