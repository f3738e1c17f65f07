"""The moving average of the weights: what is evaluated and saved in place of the last step's noise."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..errors import InputError
from .shift import overwrite

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
        overwrite(list(self._live.values()), [self.values[name] for name in self._live])

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Takes over a saved average, all of it or, if it does not fit, nothing.

        Args:
            values: Tensors by name, with the names and shapes of ``self.values``.

        Raises:
            InputError: A name is missing or unknown, or a shape is another.
        """
        for problem, names in (("lacks", self.values.keys() - values.keys()), ("has", values.keys() - self.values)):
            if names:
                raise InputError(
                    f"the saved average {problem} '{min(names)}', unlike this network",
                    fix="load the average of the same network, with the same layers frozen",
                )
        for name, value in self.values.items():
            if values[name].shape != value.shape:
                raise InputError(
                    f"the saved average of '{name}' has the shape {list(values[name].shape)}, the network's "
                    f"{list(value.shape)}",
                    fix="load the average of the same network",
                )
        overwrite(list(self.values.values()), [values[name] for name in self.values])

    @torch.no_grad()
    def _exchange(self) -> None:
        live, held = list(self._live.values()), [self.values[name] for name in self._live]
        old = [parameter.detach().clone() for parameter in live]
        overwrite(live, held)
        overwrite(held, old)
