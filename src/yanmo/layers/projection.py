"""Projector and predictor: the MLPs between a text's vector and the loss that compares its two views."""

from collections.abc import Callable

from torch import nn

from ..errors import InputError

__all__ = ["predictor_head", "projector_head"]


def projector_head(
    width: int,
    *,
    hidden_width: int,
    out_width: int,
    n_layers: int = 3,
    norm: Callable[[int], nn.Module] = nn.BatchNorm1d,
) -> nn.Sequential:
    """Builds the projector: linear maps, each followed by a norm and all but the last by ReLU.

    The last norm has no scale and shift of its own, so that over a batch every component keeps mean 0 and variance 1:
    projections can fall onto a line, but not to a point. This is why batch statistics are the default also for small
    batches, where they are noisy (and of 2 rows leave nothing but signs): with a norm of each row, ``nn.LayerNorm``,
    SimSiam on digits falls to a point within some ten steps (study simsiam), while with batches of 8 it still learns.

    Args:
        width: Size of the vectors.
        hidden_width: Size between the linear maps.
        out_width: Size of the projections.
        n_layers: Linear maps; 3 for SimSiam, 2 for BYOL.
        norm: Makes a norm of a width; for the last one its parameters are frozen where they start, at 1 and 0.

    Returns:
        A module from [batch, width] to [batch, out_width].

    Raises:
        InputError: There is no layer.

    Example:
        >>> import torch
        >>> projector_head(8, hidden_width=16, out_width=4)(torch.randn(32, 8)).shape
        torch.Size([32, 4])

    Source: arXiv:2011.10566, section 3. Its sibling ``predictor_head`` follows it on one side only.
    """
    if n_layers < 1:
        raise InputError(f"a projector of {n_layers} layers was asked for, expected at least 1", fix="take 3")
    layers: list[nn.Module] = []
    for i in range(n_layers):
        is_last = i == n_layers - 1
        inputs, outputs = width if i == 0 else hidden_width, out_width if is_last else hidden_width
        # A bias before a norm is taken off again or doubles the norm's own.
        layers += [nn.Linear(inputs, outputs, bias=False), norm(outputs)]
        if not is_last:
            layers.append(nn.ReLU())
    layers[-1].requires_grad_(False)
    return nn.Sequential(*layers)


def predictor_head(
    width: int, *, hidden_width: int, norm: Callable[[int], nn.Module] = nn.BatchNorm1d
) -> nn.Sequential:
    """Builds the predictor: a linear map, a norm, ReLU and a linear map back; its output is not normed.

    Args:
        width: Size of the projections.
        hidden_width: Size in between; SimSiam takes a quarter of the width.
        norm: Makes a norm of a width.

    Returns:
        A module from [batch, width] to [batch, width].

    Example:
        >>> import torch
        >>> predictor_head(8, hidden_width=2)(torch.randn(32, 8)).shape
        torch.Size([32, 8])

    Source: arXiv:2011.10566, section 3; hidden width against collapse: kexue.fm/archives/7980.
    """
    return nn.Sequential(
        nn.Linear(width, hidden_width, bias=False), norm(hidden_width), nn.ReLU(), nn.Linear(hidden_width, width)
    )
