"""What every recurrent cell must satisfy."""

import pytest
import torch
from torch.func import functional_call, jacrev, vmap

from yanmo.layers import (
    CellActivation,
    GatedCell,
    GRUCell,
    LSTMCell,
    MergedGateGRUCell,
    RecurrentCell,
    RecurrentLayer,
    ResetAfterGRUCell,
    ResetLastGRUCell,
    SimpleRNNCell,
)

CELLS = {
    "rnn-tanh": lambda: SimpleRNNCell(3, hidden_width=5),
    "rnn-relu": lambda: SimpleRNNCell(3, hidden_width=5, activation=CellActivation.RELU),
    "lstm": lambda: LSTMCell(3, hidden_width=5),
    "gru": lambda: GRUCell(3, hidden_width=5),
    "gru-reset-after": lambda: ResetAfterGRUCell(3, hidden_width=5),
    "gru-merged": lambda: MergedGateGRUCell(3, hidden_width=5),
    "gru-reset-last": lambda: ResetLastGRUCell(3, hidden_width=5),
}
GATED = [name for name in CELLS if not name.startswith("rnn")]


@pytest.fixture(params=CELLS)
def cell(request):
    cell = CELLS[request.param]().double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    return cell


def _by_autograd(cell, x, state):
    return vmap(jacrev(cell, argnums=1))(x, state)


def test_it_is_a_cell(cell):
    assert isinstance(cell, RecurrentCell)
    assert cell.state_width in (cell.hidden_width, 2 * cell.hidden_width)


@pytest.mark.parametrize("n_rows", [1, 4])
def test_the_jacobian_is_that_of_autograd(cell, n_rows):
    x, state = torch.randn(n_rows, 3).double(), torch.randn(n_rows, cell.state_width).double()
    torch.testing.assert_close(cell.jacobian(x, state), _by_autograd(cell, x, state), rtol=0, atol=1e-10)


def test_the_jacobian_at_the_zero_state(cell):
    x, state = torch.randn(2, 3).double(), torch.zeros(2, cell.state_width).double()
    torch.testing.assert_close(cell.jacobian(x, state), _by_autograd(cell, x, state), rtol=0, atol=1e-10)


def test_the_jacobian_is_a_central_difference(cell):
    x, state = torch.randn(1, 3).double(), torch.randn(1, cell.state_width).double()
    columns = []
    for k in range(cell.state_width):
        shift = torch.zeros_like(state)
        shift[0, k] = 1e-6
        columns.append((cell(x, state + shift) - cell(x, state - shift))[0] / 2e-6)
    torch.testing.assert_close(cell.jacobian(x, state)[0], torch.stack(columns, dim=1), rtol=0, atol=1e-7)


def test_gradcheck(cell):
    x, state = torch.randn(2, 3).double().requires_grad_(), torch.randn(2, cell.state_width).double().requires_grad_()
    names, values = zip(*cell.named_parameters(), strict=True)

    def step(x, state, *values):
        return functional_call(cell, dict(zip(names, values, strict=True)), (x, state))

    assert torch.autograd.gradcheck(step, (x, state, *values))


@pytest.mark.parametrize("axes", [(), (2,), (2, 3)])
def test_leading_axes_are_rows(cell, axes):
    x, state = torch.randn(*axes, 3).double(), torch.randn(*axes, cell.state_width).double()
    new, jacobian = cell(x, state), cell.jacobian(x, state)
    for row in torch.cartesian_prod(*(torch.arange(n) for n in axes)).reshape(-1, len(axes)).tolist() if axes else [[]]:
        index = tuple(row)
        torch.testing.assert_close(new[index], cell(x[index], state[index]))
        torch.testing.assert_close(jacobian[index], cell.jacobian(x[index], state[index]))


def test_a_layer_is_its_cell_step_by_step(cell):
    layer, x = RecurrentLayer(cell), torch.randn(2, 6, 3).double()
    state = torch.zeros(2, cell.state_width).double()
    hidden, last = layer(x)
    for t in range(6):
        state = cell(x[:, t], state)
        torch.testing.assert_close(hidden[:, t], state[:, : cell.hidden_width])
    torch.testing.assert_close(last, state)
    again, _ = layer(x[:, 3:], layer(x[:, :3])[1])
    torch.testing.assert_close(again, hidden[:, 3:])


def test_orthogonalize_makes_every_recurrent_matrix_a_scaled_rotation(cell):
    cell.orthogonalize(gain=0.5)
    maps = [value for name, value in cell.named_parameters() if name.endswith("recurrent_map")]
    blocks = [block for value in maps for block in value.split(cell.hidden_width)]
    assert len(blocks) == sum(value.shape[0] for value in maps) // cell.hidden_width
    for block in blocks:
        torch.testing.assert_close(block.T @ block, 0.25 * torch.eye(5).double())


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("bias", [-2.0, 0.0, 3.0])
def test_the_keep_bias_is_the_share_kept_at_rest(name, bias):
    cell = CELLS[name]()
    assert isinstance(cell, GatedCell)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    cell.set_keep_bias(bias)
    state = torch.zeros(1, cell.state_width)
    state[:, -cell.hidden_width :] = 0.5  # the memory, or the hidden state where there is no memory
    kept = cell(torch.zeros(1, 3), state)[:, -cell.hidden_width :] / 0.5
    torch.testing.assert_close(kept, torch.full_like(kept, torch.sigmoid(torch.tensor(bias)).item()))


@pytest.mark.parametrize("name", GATED)
def test_the_keep_bias_may_differ_by_component(name):
    cell = CELLS[name]()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    bias = torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0])
    cell.set_keep_bias(bias)
    state = torch.zeros(1, cell.state_width)
    state[:, -5:] = 1.0
    torch.testing.assert_close(cell(torch.zeros(1, 3), state)[0, -5:], bias.sigmoid())


@pytest.mark.parametrize("name", ["rnn-tanh", "rnn-relu"])
def test_a_simple_cell_has_no_gate(name):
    assert not isinstance(CELLS[name](), GatedCell)


@pytest.mark.parametrize("name", GATED)
def test_what_is_kept_is_the_derivative_without_recurrent_matrices(name):
    cell = CELLS[name]().double()
    x, state = torch.randn(4, 3).double(), torch.randn(4, cell.state_width).double()
    with torch.no_grad():
        for parameter_name, parameter in cell.named_parameters():
            if parameter_name.endswith("recurrent_map"):
                parameter.zero_()
    kept = _by_autograd(cell, x, state)[:, -cell.hidden_width :, -cell.hidden_width :]
    if name == "gru-reset-after":
        cell.reset_bias.data.zero_()  # the reset gate would still see the state's size through it
    torch.testing.assert_close(torch.diag_embed(cell.keep(x, state)), kept)
