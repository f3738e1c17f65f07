"""The recurrent cells that are compared, and the ways they start."""

import math
from dataclasses import dataclass
from enum import Enum

import torch
from torch import nn

from ...errors import chosen
from ...layers import (
    CellActivation,
    GatedCell,
    GRUCell,
    LSTMCell,
    MergedGateGRUCell,
    RecurrentCell,
    ResetAfterGRUCell,
    ResetLastGRUCell,
    SimpleRNNCell,
)

__all__ = ["CellKind", "Start", "make_cell"]


class CellKind(str, Enum):
    """Every cell, by the name it has in tables and figures."""

    TANH = "RNN tanh"
    RELU = "RNN ReLU"
    LSTM = "LSTM"
    GRU = "GRU"
    RESET_AFTER = "GRU reset after (torch)"
    MERGED = "GRU merged gate"
    RESET_LAST = "GRU reset last"

    @property
    def gated(self) -> bool:
        """Whether it has a gate for what it keeps."""
        return self not in (CellKind.TANH, CellKind.RELU)


@dataclass(frozen=True, slots=True)
class Start:
    """How a cell's weights begin.

    Attributes:
        gain: Factor on orthogonal recurrent matrices; None leaves torch's uniform ones, and torch's biases. With
            orthogonal matrices all biases start at zero.
        keep: Bias of the gate that keeps (forget gate; minus the update gate's); None leaves it as it is.
        chrono: Longest time to remember, in steps: the bias of every component is the logarithm of a uniform draw from
            1 to ``chrono - 1``, in place of ``keep``; an LSTM's input gate gets the same with the other sign, as it has
            in a GRU by construction (arXiv:1804.11188).
        identity: Whether a cell without gates starts as a sum of small inputs, ``U = I``, ``W`` of deviation 0.001 and
            ``b = 0`` (arXiv:1504.00941), in place of ``gain``.
    """

    gain: float | None = None
    keep: float | None = None
    chrono: int | None = None
    identity: bool = False

    @property
    def label(self) -> str:
        """How it is called in tables."""
        if self.identity:
            return "identity"
        parts = (
            ["torch default"] if self.gain is None else ["orthogonal" + (f" x{self.gain:g}" if self.gain != 1 else "")]
        )
        parts += [f"keep bias {self.keep:g}"] if self.keep is not None else []
        parts += ["chrono"] if self.chrono is not None else []
        return ", ".join(parts)


def make_cell(kind: CellKind | str, *, input_width: int, hidden_width: int, start: Start, seed: int) -> RecurrentCell:
    """Makes a cell.

    Args:
        kind: Which.
        input_width: Size of its input.
        hidden_width: Size of its hidden state.
        start: How its weights begin.
        seed: Of its weights; the global generator is left as it was.

    Returns:
        The cell, a module.

    Example:
        >>> make_cell(CellKind.GRU, input_width=2, hidden_width=4, start=Start(gain=1.0, keep=1.0), seed=0).state_width
        4
    """
    kind = chosen(CellKind, kind, name="kind")
    makers = {
        CellKind.TANH: SimpleRNNCell,
        CellKind.LSTM: LSTMCell,
        CellKind.GRU: GRUCell,
        CellKind.RESET_AFTER: ResetAfterGRUCell,
        CellKind.MERGED: MergedGateGRUCell,
        CellKind.RESET_LAST: ResetLastGRUCell,
    }
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        cell: RecurrentCell = (
            SimpleRNNCell(input_width, hidden_width=hidden_width, activation=CellActivation.RELU)
            if kind is CellKind.RELU
            else makers[kind](input_width, hidden_width=hidden_width)
        )
        if start.gain is not None and isinstance(cell, nn.Module):
            cell.orthogonalize(gain=start.gain)
            for name, parameter in cell.named_parameters():
                if name.endswith("bias"):
                    nn.init.zeros_(parameter)
        if start.identity and isinstance(cell, SimpleRNNCell):
            nn.init.eye_(cell.gates.recurrent_map)
            nn.init.normal_(cell.gates.input_map, std=1e-3)
            nn.init.zeros_(cell.gates.bias)
        if isinstance(cell, GatedCell):
            if start.keep is not None:
                cell.set_keep_bias(start.keep)
            if start.chrono is not None:
                bias = torch.log(torch.empty(hidden_width).uniform_(1, max(start.chrono - 1, math.e)))
                cell.set_keep_bias(bias)
                if isinstance(cell, LSTMCell):
                    cell.gates.bias[:hidden_width] = -bias
    return cell
