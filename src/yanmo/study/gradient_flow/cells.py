"""Recurrences of today as steps ``(x, state) -> state``: two layers of each, their states side by side.

Each is the recurrence of its source with what surrounds it cut down to what a gradient passes: a norm, the cell, a
residual. The lower layer's output feeds the upper, so that the state of a step hangs on the state before in more ways
than by its decay.
"""

import math
from collections.abc import Callable
from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import chosen

__all__ = ["FlowCell", "StackedCell", "make_cell"]

_N_LAYERS = 2


class FlowCell(str, Enum):
    """What is compared; the first three are ``torch.nn``'s."""

    RNN = "tanh RNN"
    LSTM = "LSTM"
    GRU = "GRU"
    STATE_SPACE = "selective state space"
    WKV = "RWKV"
    LINEAR_ATTENTION = "linear attention"
    GATED_ATTENTION = "gated linear attention"


class StackedCell(nn.Module):
    """Layers of one recurrence, each with its own state, around residuals.

    Args:
        layers: Each takes an input [batch, width] and its state, and returns its output and its new state.
    """

    def __init__(self, layers: "list[_Layer]") -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.widths = [layer.state_width for layer in layers]
        self.hidden_width = self.state_width = sum(self.widths)
        self.input_size = layers[0].width

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """Computes one step of all layers."""
        states = []
        for layer, own in zip(self.layers, state.split_with_sizes(self.widths, -1), strict=True):
            y, new = layer(F.layer_norm(x, x.shape[-1:]), own)
            x = x + y
            states.append(new)
        return torch.cat(states, -1)


class _Layer(nn.Module):
    width: int
    state_width: int


class _StateSpace(_Layer):
    """``h_ij = exp(-d_i a_j) h_ij + d_i b_j u_i``, ``y_i = sum_j c_j h_ij``; d, b, c are read from the input.

    Source: Mamba, arXiv:2312.00752, with its start: ``a = 1..n``, steps ``d`` from 0.001 to 0.1.
    """

    def __init__(self, width: int, n_states: int) -> None:
        super().__init__()
        self.width, self.n_states, self.state_width = width, n_states, width * n_states
        self.steps, self.reads = nn.Linear(width, width), nn.Linear(width, 2 * n_states, bias=False)
        with torch.no_grad():
            steps = torch.exp(torch.linspace(math.log(1e-3), math.log(0.1), width))
            self.steps.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # softplus of it gives the steps
            self.steps.weight.mul_(0.1)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = state.view(-1, self.width, self.n_states)
        d = F.softplus(self.steps(u))[..., None]
        b, c = self.reads(u).chunk(2, -1)
        rates = torch.arange(1, self.n_states + 1, dtype=u.dtype)
        h = torch.exp(-d * rates) * h + d * b[:, None] * u[..., None]
        return (h * c[:, None]).sum(-1), h.flatten(1)


class _Wkv(_Layer):
    """``a = e^-w a + e^k v``, ``b = e^-w b + e^k``, ``y = sigmoid(r) a / b``: a mean of values that forgets by channel.

    Source: RWKV-4, arXiv:2305.13048, without its shift of tokens; decays as it starts them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.state_width = width, 2 * width
        self.reads = nn.Linear(width, 3 * width, bias=False)
        places = torch.arange(width) / max(1, width - 1)
        self.decay = nn.Parameter(-5 + 8 * places**1.3)

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        a, b = state.chunk(2, -1)
        r, k, v = self.reads(u).chunk(3, -1)
        kept = torch.exp(-torch.exp(self.decay))
        a, b = kept * a + k.exp() * v, kept * b + k.exp()
        return r.sigmoid() * a / (b + 1e-6), torch.cat([a, b], -1)


class _LinearAttention(_Layer):
    """``S = g S + f(k) v^T``, ``z = g z + f(k)``, ``y = f(q) S / f(q) z`` with ``f = elu + 1``; g is 1, or a gate.

    Source: arXiv:2006.16236; gated: arXiv:2312.06635, a gate for each key component, near 1 at the start.
    """

    def __init__(self, width: int, *, key_width: int, gated: bool) -> None:
        super().__init__()
        self.width, self.key_width, self.state_width = width, key_width, key_width * (width + 1)
        self.queries, self.keys = (nn.Linear(width, key_width, bias=False) for _ in range(2))
        self.values = nn.Linear(width, width, bias=False)
        self.gates = nn.Linear(width, key_width) if gated else None

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        s = state.view(-1, self.key_width, self.width + 1)
        q, k = (F.elu(layer(u)) + 1 for layer in (self.queries, self.keys))
        kept = torch.ones_like(k) if self.gates is None else self.gates(u).sigmoid() ** (1 / 16)
        ones = torch.ones(*u.shape[:-1], 1, dtype=u.dtype)
        s = kept[..., None] * s + k[..., None] * torch.cat([self.values(u), ones], -1)[:, None]
        read = torch.einsum("bk,bkv->bv", q, s)
        return read[:, :-1] / (read[:, -1:] + 1e-6), s.flatten(1)


def make_cell(kind: FlowCell | str, *, state_width: int, seed: int) -> nn.Module:
    """Makes two layers of a recurrence as they start.

    Args:
        kind: Which.
        state_width: Components of the state of both layers together, nearly: a power of 2 from 32 on.
        seed: Draws the weights, without touching torch's generators.

    Returns:
        A module that ``recurrent_flow`` takes, with inputs as wide as its ``input_size``.
    """
    kind = chosen(FlowCell, kind, name="kind")
    a_layer = state_width // _N_LAYERS
    made: dict[FlowCell, Callable[[], nn.Module]] = {
        FlowCell.RNN: lambda: nn.RNN(a_layer, a_layer, num_layers=_N_LAYERS),
        FlowCell.LSTM: lambda: nn.LSTM(a_layer // 2, a_layer // 2, num_layers=_N_LAYERS),
        FlowCell.GRU: lambda: nn.GRU(a_layer, a_layer, num_layers=_N_LAYERS),
        FlowCell.STATE_SPACE: lambda: StackedCell([_StateSpace(a_layer // 4, 4) for _ in range(_N_LAYERS)]),
        FlowCell.WKV: lambda: StackedCell([_Wkv(a_layer // 2) for _ in range(_N_LAYERS)]),
        FlowCell.LINEAR_ATTENTION: lambda: _attention(a_layer, gated=False),
        FlowCell.GATED_ATTENTION: lambda: _attention(a_layer, gated=True),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return made[kind]()


def _attention(a_layer: int, *, gated: bool) -> StackedCell:
    key_width = 2 ** round(math.log2(a_layer) / 2)
    width = a_layer // key_width - 1
    # One component of the values is the ones that the weights of a query are summed by.
    return StackedCell([_LinearAttention(width, key_width=key_width, gated=gated) for _ in range(_N_LAYERS)])
