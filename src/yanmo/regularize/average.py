"""The moving average of the weights: what is evaluated and saved in place of the last step's noise."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """An exponential moving average of the learning parameters.

    After step ``t`` (from 1) it moves by ``1 - min(decay, (1 + t) / (10 + t))`` towards the parameters, so that it
    does not hang on to the start in a short run.

    Args:
        model: The network; parameters that do not learn are left out.
        decay: Largest share of the old average that a step keeps.

    Source: the warmed-up decay is that of TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self._live = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._decay = decay
        self.values = {name: p.detach().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves towards the parameters as they are after optimizer step ``step``, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.values.values()), [p.detach() for p in self._live.values()], 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the average into the network for the length of a ``with`` block."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def keep(self) -> None:
        """Puts the average into the network for good."""
        for name, parameter in self._live.items():
            parameter.copy_(self.values[name])

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Takes over a saved average, which must have the same names and shapes."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, parameter in self._live.items():
            old = parameter.detach().clone()
            parameter.copy_(self.values[name])
            self.values[name].copy_(old)
