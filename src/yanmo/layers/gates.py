"""The affine maps in front of a recurrent cell's gates, and how they are read from ``torch.nn``."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["Gates", "read_torch_gates"]


class Gates(nn.Module):
    """One affine map of the input and the previous hidden state for every gate.

    ``a_k = W_k x + U_k h + b_k``, the gates stacked in the rows. Starts like ``torch.nn``: everything uniform in
    ``+-1/sqrt(hidden)``. Written with products that broadcast, so that a functional call may hand in the parameters of
    several members at once: maps [members, gates, width], biases [members, 1, gates], inputs [members, batch, width].

    Args:
        input_width: Size of ``x``.
        hidden_width: Size of ``h`` and of every gate.
        n_gates: How many maps.

    Example:
        >>> Gates(3, hidden_width=4, n_gates=2).project(torch.zeros(5, 3)).shape
        torch.Size([5, 8])
    """

    def __init__(self, input_width: int, *, hidden_width: int, n_gates: int) -> None:
        super().__init__()
        if min(input_width, hidden_width) < 1:
            raise InputError(
                f"a cell of input width {input_width} and hidden width {hidden_width} was asked for",
                fix="use 1 or more",
            )
        self.hidden_width = hidden_width
        bound = 1 / math.sqrt(hidden_width)
        rows = n_gates * hidden_width
        self.input_map = nn.Parameter(torch.empty(rows, input_width).uniform_(-bound, bound))
        self.recurrent_map = nn.Parameter(torch.empty(rows, hidden_width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``W x + b``, the part that needs no earlier step: a layer computes it for all steps at once."""
        return x @ self.input_map.mT + self.bias

    def recur(self, hidden: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch gates"]:
        """Returns ``U h``."""
        return hidden @ self.recurrent_map.mT

    def blocks(self) -> tuple[Float[Tensor, "hidden hidden"], ...]:
        """Returns ``U_k`` of every gate, as views."""
        return torch.split(self.recurrent_map, self.hidden_width)

    @torch.no_grad()
    def orthogonalize(self, *, gain: float) -> None:
        """Redraws every ``U_k`` as ``gain`` times a random orthogonal matrix, which scales every norm by ``gain``."""
        for block in self.blocks():
            nn.init.orthogonal_(block, gain=gain)

    @torch.no_grad()
    def load(self, weights: tuple[Tensor, Tensor, Tensor]) -> None:
        """Copies the given weights ``(W, U, b)`` into the map."""
        for own, given in zip((self.input_map, self.recurrent_map, self.bias), weights, strict=True):
            own.copy_(given)


def read_torch_gates(module: nn.Module, *, kind: type[nn.RNNBase]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reads the weights of a one-layer ``torch.nn`` RNN.

    Args:
        module: Where to read.
        kind: What it must be: ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``.

    Returns:
        ``(W, U, b_input, b_recurrent)``, gates stacked in the rows as in ``module``; biases are zero if it has none.

    Raises:
        InputError: ``module`` is of another kind, or has more layers, directions or a projection.
    """
    if not isinstance(module, kind):
        raise InputError(f"a {type(module).__name__} was given where an nn.{kind.__name__} was expected")
    if module.num_layers != 1 or module.bidirectional or module.proj_size:
        raise InputError(
            f"an nn.{kind.__name__} with {module.num_layers} layers, bidirectional={module.bidirectional}, "
            f"proj_size={module.proj_size} was given, one plain layer was expected",
            fix="read each layer of it into a cell of its own",
        )
    weights = [weight.detach() for weight in module.all_weights[0]]
    if not module.bias:
        weights += [weights[0].new_zeros(len(weights[0]))] * 2
    return weights[0], weights[1], weights[2], weights[3]
