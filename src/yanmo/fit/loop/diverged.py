"""Diverged training: a loss that is infinite or NaN ends the run, naming the step and the place in the network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...probe import first_nonfinite

__all__ = ["refuse_divergence"]


def refuse_divergence(loss: Tensor, *, step: int, model: nn.Module, run: Callable[[], object], fix: str) -> None:
    """Refuses a loss that is infinite or NaN.

    Args:
        loss: One number.
        step: The optimizer step it belongs to, counted from 1.
        model: The network.
        run: Runs the network on the batch once more, to find where it began.
        fix: What to do about it.

    Raises:
        InputError: The loss is infinite or NaN.
    """
    if torch.isfinite(loss):
        return
    place = first_nonfinite(model, run)
    began = "" if place is None else f"; the first thing not finite is {place}"
    raise InputError(f"the loss is {loss.item()} at step {step}: training has diverged{began}", fix=fix)
