"""Interfaces of recurrent cells, and the layer that runs a cell over a sequence."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["GatedCell", "RecurrentCell", "RecurrentLayer"]


@runtime_checkable
class RecurrentCell(Protocol):
    """Interface of a recurrent cell: one step, and its exact Jacobian.

    The state is one vector; its first ``hidden_width`` components are the hidden state that the cell gives out, the
    rest, if any, is the memory that it keeps to itself: ``(h, c)``.
    """

    hidden_width: int
    state_width: int

    def project(self, x: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch gates"]:
        """Computes the part that depends on the input only, for any number of steps at once."""
        ...

    def step(
        self, projected: Float[Tensor, "*batch gates"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step from a projected input and the previous state."""
        ...

    def __call__(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state"]:
        """Computes one step: ``step(project(x), state)``."""
        ...

    def jacobian(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch state state"]:
        """Returns ``d state_t / d state_{t-1}`` in closed form; rows are components of the new state."""
        ...

    def orthogonalize(self, *, gain: float = 1.0) -> None:
        """Redraws every recurrent matrix as ``gain`` times an orthogonal one."""
        ...


@runtime_checkable
class GatedCell(RecurrentCell, Protocol):
    """Interface of a cell with a gate that decides how much of the memory is kept."""

    def keep(
        self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]
    ) -> Float[Tensor, "*batch hidden"]:
        """Returns the share of the memory that stays this step, the main term of its derivative."""
        ...

    def set_keep_bias(self, bias: float | Float[Tensor, " hidden"]) -> None:
        """Sets the bias of that gate, so that at zero input and state the cell keeps ``sigmoid(bias)`` a step."""
        ...


class RecurrentLayer(nn.Module):
    """Runs a cell over sequences.

    ``state_t = cell(x_t, state_{t-1})``. The projection of the inputs is one matrix product for all steps.

    Args:
        cell: Any ``RecurrentCell`` that is a module.

    Example:
        >>> from yanmo.layers import LSTMCell
        >>> hidden, last = RecurrentLayer(LSTMCell(3, hidden_width=4))(torch.randn(2, 5, 3))
        >>> hidden.shape, last.shape
        (torch.Size([2, 5, 4]), torch.Size([2, 8]))
    """

    def __init__(self, cell: RecurrentCell) -> None:
        super().__init__()
        if not isinstance(cell, nn.Module):
            raise InputError(f"a {type(cell).__name__} is no torch module", fix="derive the cell from nn.Module")
        self.cell = cell

    def forward(
        self, x: Float[Tensor, "batch seq input"], state: Float[Tensor, "batch state"] | None = None
    ) -> tuple[Float[Tensor, "batch seq hidden"], Float[Tensor, "batch state"]]:
        """Runs over the second axis.

        Args:
            x: Inputs, shape [batch, seq, input].
            state: Where to start, shape [batch, state]; zeros if None.

        Returns:
            The hidden state after every step, and the whole state after the last.

        Raises:
            InputError: The sequences are empty.
        """
        if x.shape[1] == 0:
            raise InputError("the sequences have no steps", fix="leave empty sequences out")
        if state is None:
            state = x.new_zeros(x.shape[0], self.cell.state_width)
        hidden = []
        for projected in self.cell.project(x).unbind(1):
            state = self.cell.step(projected, state)
            hidden.append(state[:, : self.cell.hidden_width])
        return torch.stack(hidden, dim=1), state
