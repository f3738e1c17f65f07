"""One step of a ``torch.nn`` RNN, LSTM or GRU as a plain function of its whole state, so that it can be differentiated.

The kernels behind ``torch.nn`` run a whole sequence and give no derivative between two steps; these formulas are the
ones in torch's documentation and are tested against the kernels.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["TorchRecurrence"]

# (input, h, c or nothing, weights) -> (new h, new c or nothing); what a cell does not have is an empty tensor.
_Cell = Callable[[Tensor, Tensor, Tensor, Sequence[Tensor]], tuple[Tensor, Tensor]]


class TorchRecurrence:
    """A copy of a ``torch.nn`` RNN in float64 on the CPU, as a function of its state.

    The state holds the hidden states of all layers, lowest first, then, for an LSTM, their memories.

    Args:
        module: An ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` of any number of layers, with or without bias or projection, in
            one direction. Dropout between its layers is left out.

    Raises:
        InputError: Both directions: a backward state at ``t`` depends on what comes after, not before.

    Example:
        >>> recurrence = TorchRecurrence(nn.LSTM(3, 4, num_layers=2))
        >>> recurrence.hidden_width, recurrence.state_width
        (8, 16)
    """

    def __init__(self, module: nn.RNNBase) -> None:
        if module.bidirectional:
            raise InputError(
                f"a bidirectional {type(module).__name__} was given, whose states also depend on later steps",
                fix="probe each direction as a module of its own",
            )
        self._cell = _cell_of(module)
        self._layers = [
            [weight.detach().to(device="cpu", dtype=torch.float64) for weight in weights]
            for weights in module.all_weights
        ]
        self._widths = [module.proj_size or module.hidden_size] * module.num_layers
        self.hidden_width = sum(self._widths)
        self._memory_widths = [module.hidden_size] * module.num_layers if isinstance(module, nn.LSTM) else []
        self.state_width = self.hidden_width + sum(self._memory_widths)
        self.input_width = module.input_size

    def __call__(self, x: Float[Tensor, "*batch input"], state: Float[Tensor, "*batch state"]) -> Tensor:
        """Computes one step.

        Args:
            x: Input of the lowest layer, shape [..., input].
            state: The whole previous state, shape [..., state].

        Returns:
            The whole new state, shape [..., state].

        Raises:
            InputError: The input is not as wide as the module takes.
        """
        if x.shape[-1] != self.input_width:
            raise InputError(
                f"inputs of width {x.shape[-1]} were given, the module takes {self.input_width}",
                fix="give x as [batch, seq, input]",
            )
        parts = torch.split(state, self._widths + self._memory_widths, dim=-1)
        n_layers = len(self._layers)
        hidden: list[Tensor] = []
        memory: list[Tensor] = []
        for k, weights in enumerate(self._layers):
            x, new = self._cell(x, parts[k], parts[n_layers + k] if self._memory_widths else state[..., :0], weights)
            hidden.append(x)
            memory.append(new)
        return torch.cat(hidden + memory, dim=-1)


def _cell_of(module: nn.RNNBase) -> _Cell:
    if isinstance(module, nn.LSTM):
        return _lstm
    if isinstance(module, nn.GRU):
        return _gru
    if isinstance(module, nn.RNN):
        return _relu if module.nonlinearity == "relu" else _tanh
    raise InputError(f"a {type(module).__name__} was given", fix="give an nn.RNN, nn.LSTM or nn.GRU")


def _affine(x: Tensor, h: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    w, u, *rest = weights
    b_input, b_recurrent = rest[:2] if len(rest) >= 2 else (None, None)
    return F.linear(x, w, b_input), F.linear(h, u, b_recurrent)


def _tanh(x: Tensor, h: Tensor, c: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    by_input, by_hidden = _affine(x, h, weights)
    return (by_input + by_hidden).tanh(), c


def _relu(x: Tensor, h: Tensor, c: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    by_input, by_hidden = _affine(x, h, weights)
    return (by_input + by_hidden).relu(), c


def _gru(x: Tensor, h: Tensor, c: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    by_input, by_hidden = _affine(x, h, weights)
    r_x, z_x, n_x = by_input.chunk(3, dim=-1)
    r_h, z_h, n_h = by_hidden.chunk(3, dim=-1)
    z = (z_x + z_h).sigmoid()
    n = (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
    return (1 - z) * n + z * h, c


def _lstm(x: Tensor, h: Tensor, c: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    by_input, by_hidden = _affine(x, h, weights)
    i, f, g, o = (by_input + by_hidden).chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    # An odd number of weights ends with the projection of the hidden state.
    return (F.linear(h, weights[-1]) if len(weights) % 2 else h), c
