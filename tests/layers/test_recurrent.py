import pytest
import torch
from torch import nn
from torch.func import jacrev, vmap

from yanmo.errors import InputError
from yanmo.layers import (
    CellActivation,
    GRUCell,
    LSTMCell,
    MergedGateGRUCell,
    RecurrentLayer,
    ResetAfterGRUCell,
    ResetLastGRUCell,
    SimpleRNNCell,
)

TORCH = {
    "rnn-tanh": (SimpleRNNCell, lambda bias: nn.RNN(3, 5, batch_first=True, bias=bias)),
    "rnn-relu": (SimpleRNNCell, lambda bias: nn.RNN(3, 5, batch_first=True, bias=bias, nonlinearity="relu")),
    "lstm": (LSTMCell, lambda bias: nn.LSTM(3, 5, batch_first=True, bias=bias)),
    "gru": (ResetAfterGRUCell, lambda bias: nn.GRU(3, 5, batch_first=True, bias=bias)),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", TORCH)
def test_weights_of_torch_give_the_outputs_of_torch(name, bias):
    kind, make = TORCH[name]
    module = make(bias).double()
    layer = RecurrentLayer(kind.from_torch(module))
    x = torch.randn(4, 9, 3).double()
    expected, last = module(x)
    hidden, state = layer(x)
    torch.testing.assert_close(hidden, expected, rtol=0, atol=1e-12)
    last = torch.cat(last, dim=-1) if name == "lstm" else last
    torch.testing.assert_close(state, last[0], rtol=0, atol=1e-12)


def test_torch_and_ours_start_with_the_same_spread():
    module, cell = nn.LSTM(8, 64), LSTMCell(8, hidden_width=64)
    for theirs, ours in ((module.weight_ih_l0, cell.gates.input_map), (module.weight_hh_l0, cell.gates.recurrent_map)):
        assert abs(ours.std().item() / theirs.std().item() - 1) < 0.1
        assert ours.abs().max() <= 1 / 8


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.GRU(3, 5), "a GRU was given where an nn.LSTM was expected"),
        (nn.LSTM(3, 5, num_layers=2), "2 layers"),
        (nn.LSTM(3, 5, bidirectional=True), "bidirectional=True"),
        (nn.LSTM(3, 5, proj_size=2), "proj_size=2"),
    ],
)
def test_another_kind_of_torch_module_is_refused(module, words):
    with pytest.raises(InputError, match=words):
        LSTMCell.from_torch(module)


def test_gru_formula_component_by_component():
    cell, x, h = GRUCell(2, hidden_width=3).double(), torch.randn(2).double(), torch.randn(3).double()
    w, u, b = cell.gates.input_map, cell.gates.recurrent_map, cell.gates.bias
    r = [torch.sigmoid(w[3 + k] @ x + u[3 + k] @ h + b[3 + k]) for k in range(3)]
    for k in range(3):
        z = torch.sigmoid(w[k] @ x + u[k] @ h + b[k])
        inside = sum(cell.candidate.recurrent_map[k, j] * r[j] * h[j] for j in range(3))
        n = torch.tanh(cell.candidate.input_map[k] @ x + inside + cell.candidate.bias[k])
        torch.testing.assert_close(cell(x, h)[k], (1 - z) * h[k] + z * n)


def test_reset_last_formula_component_by_component():
    cell, x = ResetLastGRUCell(2, hidden_width=3).double(), torch.randn(2).double()
    h, c = torch.randn(3).double(), torch.randn(3).double()
    w, u, b = cell.gates.input_map, cell.gates.recurrent_map, cell.gates.bias
    new = cell(x, torch.cat([h, c]))
    for k in range(3):
        z, r, n = (w[row] @ x + u[row] @ h + b[row] for row in (k, 3 + k, 6 + k))
        memory = (1 - torch.sigmoid(z)) * c[k] + torch.sigmoid(z) * torch.tanh(n)
        torch.testing.assert_close(new[3 + k], memory)
        torch.testing.assert_close(new[k], torch.sigmoid(r) * memory)


def test_merged_gate_is_a_gru_with_equal_gates():
    merged, gru = MergedGateGRUCell(2, hidden_width=3), GRUCell(2, hidden_width=3)
    gate = merged.gates
    gru.gates.load((gate.input_map.repeat(2, 1), gate.recurrent_map.repeat(2, 1), gate.bias.repeat(2)))
    gru.candidate.load_state_dict(merged.candidate.state_dict())
    x, h = torch.randn(4, 2), torch.randn(4, 3)
    torch.testing.assert_close(merged(x, h), gru(x, h))


def test_reset_last_is_a_gru_where_every_reset_gate_is_open():
    last, gru = ResetLastGRUCell(2, hidden_width=3), GRUCell(2, hidden_width=3)
    for gates in (last.gates, gru.gates):
        with torch.no_grad():
            gates.bias[3:6] = 100.0
    own = last.gates
    gru.gates.load((own.input_map[:6], own.recurrent_map[:6], own.bias[:6]))
    gru.candidate.load((own.input_map[6:], own.recurrent_map[6:], own.bias[6:]))
    x = torch.randn(4, 7, 2)
    torch.testing.assert_close(RecurrentLayer(last)(x)[0], RecurrentLayer(gru)(x)[0])


def test_memory_jacobian_of_the_lstm_goes_through_the_hidden_state():
    cell = LSTMCell(2, hidden_width=3).double()
    x, c, o = torch.randn(4, 2).double(), torch.randn(4, 3).double(), torch.rand(4, 3).double()

    def memory(x, c, o):
        return cell(x, torch.cat([o * c.tanh(), c]))[3:]

    expected = vmap(jacrev(memory, argnums=1))(x, c, o)
    torch.testing.assert_close(cell.memory_jacobian(x, c, gate=o), expected, rtol=0, atol=1e-10)


def test_memory_jacobian_of_the_reset_last_gru_goes_through_the_hidden_state():
    cell = ResetLastGRUCell(2, hidden_width=3).double()
    x, c, r = torch.randn(4, 2).double(), torch.randn(4, 3).double(), torch.rand(4, 3).double()

    def memory(x, c, r):
        return cell(x, torch.cat([r * c, c]))[3:]

    expected = vmap(jacrev(memory, argnums=1))(x, c, r)
    torch.testing.assert_close(cell.memory_jacobian(x, c, gate=r), expected, rtol=0, atol=1e-10)


def test_a_relu_cell_passes_no_gradient_where_it_is_off():
    cell = SimpleRNNCell(1, hidden_width=2, activation=CellActivation.RELU)
    with torch.no_grad():
        cell.gates.bias.copy_(torch.tensor([-100.0, 100.0]))
    jacobian = cell.jacobian(torch.zeros(1), torch.zeros(2))
    torch.testing.assert_close(jacobian, torch.stack([torch.zeros(2), cell.gates.recurrent_map[1]]))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="hidden width 0"):
        GRUCell(3, hidden_width=0)
    with pytest.raises(InputError, match="no steps"):
        RecurrentLayer(GRUCell(3, hidden_width=2))(torch.zeros(1, 0, 3))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_finite_at_large_inputs(dtype):
    for cell in (LSTMCell(2, hidden_width=3), GRUCell(2, hidden_width=3), ResetLastGRUCell(2, hidden_width=3)):
        cell = cell.to(dtype)
        x = torch.full((1, 20, 2), 1e4, dtype=dtype)
        hidden, last = RecurrentLayer(cell)(x)
        assert hidden.isfinite().all()
        assert cell.jacobian(x[:, 0], last).isfinite().all()
