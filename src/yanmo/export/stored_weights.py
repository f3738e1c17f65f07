"""Replaces a matcher's large matrices by quantized ones, as a plan says, before it is traced into a graph."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ..layers import FeedForward
from .block_weights import BlockEmbedding, BlockLinear
from .channel_int8 import ChannelInt8Embedding, ChannelInt8Linear
from .row_int8 import RowInt8Linear
from .row_layers import resting_linear
from .weight_plan import WeightForm, WeightPlan

__all__ = ["rounded_linears", "store_weights"]

# Smaller matrices stay float: they weigh nothing, and the last maps to the logit are the most sensitive.
_SMALLEST = 2**14


def store_weights(model: nn.Module, plan: WeightPlan) -> None:
    """Replaces a model's large linear layers and tables by stored ones, in place.

    Args:
        model: A ``FoldedClassifier``.
        plan: The form of each part.
    """
    for name, child, form in list(_rounded(model, plan)):
        parent = model.get_submodule(name.rpartition(".")[0])
        if isinstance(child, nn.Linear):
            lowest = _lowest_of(parent.activation) if isinstance(parent, FeedForward) and child is parent.down else None
            setattr(parent, name.rpartition(".")[2], _stored_linear(child, form, lowest=lowest))
        elif form is WeightForm.INT8_CHANNELS:
            setattr(parent, name.rpartition(".")[2], ChannelInt8Embedding(child))
        elif child.embedding_dim % form.of_tables.block == 0:
            setattr(parent, name.rpartition(".")[2], BlockEmbedding(child, form.of_tables))


def rounded_linears(model: nn.Module, plan: WeightPlan) -> dict[str, tuple[nn.Linear, WeightForm]]:
    """Finds the linear layers that a plan would round.

    Args:
        model: A ``FoldedClassifier`` whose weights are still floats.
        plan: The form of each part.

    Returns:
        Layer and form by the layer's name.
    """
    return {name: (child, form) for name, child, form in _rounded(model, plan) if isinstance(child, nn.Linear)}


def _stored_linear(linear: nn.Linear, form: WeightForm, *, lowest: float | None) -> nn.Module:
    if form is WeightForm.INT8_CHANNELS:
        return ChannelInt8Linear(linear)
    if form is WeightForm.INT4_ROWS:
        return resting_linear(linear, lowest=lowest)
    return RowInt8Linear.of(linear, lowest=lowest) if form is WeightForm.INT8_ROWS else BlockLinear(linear, form)


def _rounded(model: nn.Module, plan: WeightPlan) -> Iterator[tuple[str, nn.Linear | nn.Embedding, WeightForm]]:
    for name, child in model.named_modules():
        if isinstance(child, (nn.Linear, nn.Embedding)) and child.weight.numel() >= _SMALLEST:
            form = plan.form_of(name)
            if form is not WeightForm.FLOAT32:
                yield name, child, form


def _lowest_of(activation: Callable[[Tensor], Tensor]) -> float | None:
    """Gives the least value of an activation, a little below, where it is the fall of GELU and its like."""
    lowest = float(activation(torch.linspace(-8, 8, 16001)).min())
    return lowest * 1.01 if -0.2 < lowest < 0 else None
