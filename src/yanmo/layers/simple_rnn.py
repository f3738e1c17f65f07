"""The simple recurrent cell, with tanh or ReLU."""

from collections.abc import Callable
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import chosen
from .gates import Gates, read_torch_gates

__all__ = ["CellActivation", "SimpleRNNCell"]


class CellActivation(str, Enum):
    """The activation function of a ``SimpleRNNCell``."""

    TANH = "tanh"
    RELU = "relu"


# Each function with its slope as a function of its own value: 1 - h^2, and 1 where h > 0.
_ACTIVATIONS: dict[CellActivation, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    CellActivation.TANH: (torch.tanh, lambda h: 1 - h * h),
    CellActivation.RELU: (torch.relu, lambda h: (h > 0).to(h.dtype)),
}


class SimpleRNNCell(nn.Module):
    """The simple recurrent cell: ``h_t = f(W x_t + U h_{t-1} + b)``.

    ``d h_t / d h_{t-1} = diag(f') U``, with ``f' = 1 - h_t^2`` for tanh: a large ``U`` saturates ``h_t`` and so dampens
    itself, which ReLU does not.

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h``.
        activation: ``f``.

    Raises:
        InputError: The activation is none.

    Example:
        >>> cell = SimpleRNNCell(3, hidden_width=4)
        >>> cell(torch.zeros(2, 3), torch.zeros(2, 4)).shape
        torch.Size([2, 4])

    Source: kexue.fm/archives/7888. Computes what ``torch.nn.RNN`` does.
    """

    def __init__(
        self, input_width: int, *, hidden_width: int, activation: CellActivation | str = CellActivation.TANH
    ) -> None:
        super().__init__()
        self.hidden_width = self.state_width = hidden_width
        self.gates = Gates(input_width, hidden_width=hidden_width, n_gates=1)
        self.activation = chosen(CellActivation, activation, name="activation")

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch hidden"]:
        """Returns ``W x + b``."""
        return self.gates.project(x)

    def step(
        self, projected: Float[Tensor, "*batch hidden"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step from ``W x + b``."""
        function, _ = _ACTIVATIONS[self.activation]
        return function(projected + self.gates.recur(state))

    def forward(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Computes one step."""
        return self.step(self.project(x), state)

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden hidden"]:
        """Returns ``diag(f') U``."""
        _, slope = _ACTIVATIONS[self.activation]
        return slope(self(x, state)).unsqueeze(-1) * self.gates.recurrent_map

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws ``U`` as ``gain`` times an orthogonal matrix."""
        self.gates.orthogonalize(gain=gain)

    @classmethod
    def from_torch(cls, module: nn.Module) -> "SimpleRNNCell":
        """Makes the cell that computes what a one-layer ``torch.nn.RNN`` does."""
        w, u, b_input, b_recurrent = read_torch_gates(module, kind=nn.RNN)
        activation = CellActivation(str(module.nonlinearity))
        cell = cls(w.shape[1], hidden_width=u.shape[1], activation=activation).to(w)
        cell.gates.load((w, u, b_input + b_recurrent))
        return cell
