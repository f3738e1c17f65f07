"""Gradient flow by a few directions, through steps and through layers: against all rows and against autograd."""

import inspect
import math

import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import GRUCell, LSTMCell
from yanmo.probe import FlowPart, layer_flow, recurrent_flow


class Bare:
    """A cell whose Jacobian nobody wrote down."""

    def __init__(self, cell):
        self.cell = cell.double()
        self.hidden_width, self.state_width = cell.hidden_width, cell.state_width

    def __call__(self, x, state):
        return self.cell(x, state)


class GatedMemory(nn.Module):
    """Linear attention with a decay: a matrix of memory S = d S + k v^T, read by h; the new h is tanh of that."""

    def __init__(self, width):
        super().__init__()
        self.keys, self.values, self.decay = (nn.Linear(2 * width, width) for _ in range(3))
        self.width, self.hidden_width, self.state_width = width, width, width + width * width

    def forward(self, x, state):
        h, memory = state[:, : self.width], state[:, self.width :].unflatten(1, (self.width, self.width))
        seen = torch.cat([x, h], -1)
        memory = (
            self.decay(seen).sigmoid()[..., None] * memory + self.keys(seen)[..., None] * self.values(seen)[:, None]
        )
        return torch.cat([torch.einsum("bi,bij->bj", h, memory).tanh(), memory.flatten(1)], -1)


def block(width):
    return nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.3, batch_first=True, norm_first=True)


def by_autograd(layers, x):
    """Frobenius norm of the whole product from every layer on, relative to the identity, root mean square."""
    states, norms = [x], []
    for layer in layers:
        states.append(layer(states[-1]))
    n = states[-1][0].numel()
    for i, state in reversed(list(enumerate(states[:-1]))):
        squares = []
        for row in range(len(x)):

            def run(one, i=i):
                for layer in layers[i:]:
                    one = layer(one)
                return one

            product = torch.autograd.functional.jacobian(run, state[row : row + 1])
            squares.append(product.square().sum() / n)
        norms.append(torch.stack(squares).mean().sqrt())
    return torch.stack(norms)


class TestSteps:
    @pytest.mark.parametrize(
        "model",
        [
            nn.RNN(3, 64), nn.GRU(3, 64), nn.LSTM(3, 32, num_layers=2), nn.RNN(3, 64, nonlinearity="relu"),
            LSTMCell(3, hidden_width=32), GatedMemory(8),
        ],
        ids=lambda model: type(model).__name__,
    )  # fmt: skip
    def test_half_of_the_directions_read_what_all_rows_read(self, model):
        torch.manual_seed(0)
        x = torch.randn(4, 60, 8 if isinstance(model, GatedMemory) else 3)
        exact, few = recurrent_flow(model, x), recurrent_flow(model, x, n_probes=32)
        error = (few.log_norms - exact.log_norms).exp() - 1
        # What a matrix of memory lets through changes direction for longer: chance stands for more of it.
        assert error.abs().max() < (0.1 if isinstance(model, GatedMemory) else 0.05)
        assert error.abs().mean() < 0.02
        assert few.verdict is exact.verdict

    def test_a_step_without_a_closed_form_reads_alike(self):
        torch.manual_seed(0)
        cell, x = GRUCell(3, hidden_width=5), torch.randn(2, 9, 3)
        closed, bare = recurrent_flow(cell, x), recurrent_flow(Bare(cell), x)
        torch.testing.assert_close(bare.log_norms, closed.log_norms, rtol=1e-9, atol=1e-12)

    def test_as_many_directions_as_components_are_all_rows(self):
        module, x = nn.LSTM(3, 4), torch.randn(2, 9, 3)
        for part in FlowPart:
            exact = recurrent_flow(module, x, part=part).log_norms
            n = 8 if part is FlowPart.STATE else 4
            assert torch.equal(recurrent_flow(module, x, part=part, n_probes=n).log_norms, exact)
            few = recurrent_flow(module, x, part=part, n_probes=n - 1).log_norms
            torch.testing.assert_close(few, exact, rtol=0, atol=0.2)

    def test_the_seed_decides(self):
        module, x = nn.GRU(3, 32), torch.randn(1, 12, 3)
        first, again, other = (recurrent_flow(module, x, n_probes=4, seed=seed).log_norms for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_a_dead_network_passes_nothing(self):
        module = nn.RNN(1, 8, nonlinearity="relu")
        with torch.no_grad():
            module.bias_ih_l0.fill_(-100.0)
        flow = recurrent_flow(module, torch.zeros(2, 5, 1), n_probes=4)
        assert flow.log_norms[1:].tolist() == [-math.inf] * 5

    def test_bad_numbers_are_named(self):
        module, x = nn.GRU(3, 8), torch.randn(1, 4, 3)
        with pytest.raises(InputError, match="1 probes"):
            recurrent_flow(module, x, n_probes=1)
        with pytest.raises(InputError, match="worst direction"):
            recurrent_flow(module, x, n_probes=4, norm="spectral")


class TestLayers:
    @pytest.mark.parametrize("kind", ["linear", "transformer", "convolution"])
    def test_all_directions_are_the_whole_product(self, kind):
        torch.manual_seed(1)
        layers, x = {
            "linear": (
                [nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in ((6, 9), (9, 4), (4, 5))],
                torch.randn(3, 6),
            ),
            "transformer": ([block(4) for _ in range(3)], torch.randn(2, 3, 4)),
            "convolution": ([nn.Conv1d(2, 2, 3, padding=1), nn.GELU()], torch.randn(2, 2, 5)),
        }[kind]
        layers = [layer.double().eval() for layer in layers]
        found = layer_flow(layers, x, n_probes=100).log_norms
        torch.testing.assert_close(found[1:].exp(), by_autograd(layers, x.double()), rtol=1e-6, atol=0)
        assert found[0] == 0

    def test_a_few_directions_read_a_deep_stack(self):
        torch.manual_seed(0)
        layers, x = [block(16) for _ in range(8)], torch.randn(2, 4, 16)
        exact, few = layer_flow(layers, x, n_probes=64), layer_flow(layers, x, n_probes=16)
        assert ((few.log_norms - exact.log_norms).exp() - 1).abs().max() < 0.1

    def test_modules_stay_as_they_were_and_functions_may_stand_among_them(self):
        layer = block(4)
        before = {name: value.clone() for name, value in layer.state_dict().items()}
        layer_flow([layer, lambda h: h * 2], torch.randn(1, 3, 4))
        assert layer.training
        assert next(layer.parameters()).dtype == torch.float32
        assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())

    def test_a_gain_of_two_a_layer(self):
        flow = layer_flow([lambda h: 2 * h] * 12, torch.randn(2, 40))
        assert flow.rate == pytest.approx(2)
        assert flow.verdict.value == "exploding"
        assert flow.readings("layers")["layers/log10_change"] == pytest.approx(12 * math.log10(2))

    def test_bad_input_is_named(self):
        unchecked, x = inspect.unwrap(layer_flow), torch.randn(2, 4)
        for problem, layers in [
            ("no layer", []),
            ("layer 2 of 2 returns tuple", [lambda h: h, lambda h: (h, h)]),
            (r"layer 1 of 1 returns \[\]", [lambda h: h.sum()]),
            ("no longer finite at step 1", [lambda h: h / 0]),
        ]:
            with pytest.raises(InputError, match=problem):
                unchecked(layers, x)
