"""Where a loss that is not finite began: the first weight or module output that is not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["first_nonfinite"]


class _FoundError(Exception):
    """Stops the forward pass where the first value is not finite."""


@torch.no_grad()
def first_nonfinite(model: nn.Module, run: Callable[[], object]) -> str | None:
    """Runs a model once more and names the first thing in it that is infinite or NaN.

    Weights come before outputs: once an update has ruined one, every output after it is ruined too.

    Args:
        model: The network.
        run: Runs it on the batch in question.

    Returns:
        Such as ``the weight 'blocks.1.up.weight'`` or ``the output of 'blocks.1' (Block)``; None if all is finite.

    Example:
        >>> model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
        >>> _ = nn.init.constant_(model[0].bias, float("nan"))
        >>> first_nonfinite(model, lambda: model(torch.ones(1)))
        "the weight '0.bias'"
    """
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return f"the weight '{name}'"
    found: list[str] = []
    with _watched(model, found):
        try:
            run()
        except _FoundError:
            return found[0]
    return None


@contextmanager
def _watched(model: nn.Module, found: list[str]) -> Iterator[None]:
    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def look(module: nn.Module, _: Any, output: Any) -> None:
            outputs = output if isinstance(output, (tuple, list)) else (output,)
            for tensor in outputs:
                if isinstance(tensor, Tensor) and tensor.is_floating_point() and not torch.isfinite(tensor).all():
                    found.append(f"the output of '{name}' ({type(module).__name__})" if name else "the model's output")
                    raise _FoundError

        return look

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
