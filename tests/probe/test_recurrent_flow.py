import inspect
import math

import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import GRUCell, LSTMCell, RecurrentLayer, ResetAfterGRUCell, ResetLastGRUCell, SimpleRNNCell
from yanmo.probe import FlowLimits, FlowNorm, FlowPart, FlowVerdict, fit_flow, recurrent_flow
from yanmo.probe.torch_recurrence import TorchRecurrence

MODULES = {
    "rnn": lambda: nn.RNN(3, 4, num_layers=2),
    "rnn-relu": lambda: nn.RNN(3, 4, nonlinearity="relu", bias=False),
    "lstm": lambda: nn.LSTM(3, 4, num_layers=2, batch_first=True),
    "lstm-projected": lambda: nn.LSTM(3, 4, num_layers=2, proj_size=2, bias=False),
    "lstm-projected-biased": lambda: nn.LSTM(3, 4, proj_size=2),
    "gru": lambda: nn.GRU(3, 4, num_layers=3),
    "gru-bare": lambda: nn.GRU(3, 4, bias=False),
}


def _run(module, x, state):
    """torch's own kernel, from a state laid out as ours."""
    n, width = module.num_layers, module.proj_size or module.hidden_size
    hidden = state[:, : n * width].reshape(-1, n, width).transpose(0, 1).contiguous()
    start = hidden
    if isinstance(module, nn.LSTM):
        start = (hidden, state[:, n * width :].reshape(-1, n, module.hidden_size).transpose(0, 1).contiguous())
    _, last = module(x if module.batch_first else x.transpose(0, 1), start)
    parts = last if isinstance(last, tuple) else (last,)
    return torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)


def _by_backward(module, x, *, n_rows):
    """d state_T / d state_t by running torch's kernel from every t and one backward pass a component."""
    norms = []
    width = TorchRecurrence(module).state_width
    states = [torch.zeros(x.shape[0], width).double()]
    for t in range(x.shape[1]):
        states.append(_run(module, x[:, t : t + 1], states[-1]).detach())
    for distance in range(1, x.shape[1] + 1):
        start = states[x.shape[1] - distance].requires_grad_()
        end = _run(module, x[:, x.shape[1] - distance :], start)
        rows = [torch.autograd.grad(end[:, k].sum(), start, retain_graph=True)[0] for k in range(n_rows)]
        norms.append(torch.stack(rows, dim=1))
    return norms


@pytest.mark.parametrize("name", MODULES)
def test_a_step_is_what_the_kernel_computes(name):
    module = MODULES[name]().double()
    recurrence = TorchRecurrence(module)
    x, state = torch.randn(5, 3).double(), torch.randn(5, recurrence.state_width).double()
    torch.testing.assert_close(recurrence(x, state), _run(module, x[:, None], state), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", MODULES)
def test_norms_are_those_of_a_backward_pass(name):
    module = MODULES[name]().double()
    x = torch.randn(2, 5, 3).double()
    width = TorchRecurrence(module).state_width
    products = _by_backward(module, x, n_rows=width)
    frobenius = recurrent_flow(module, x)
    spectral = recurrent_flow(module, x, norm=FlowNorm.SPECTRAL)
    assert frobenius.log_norms[0] == spectral.log_norms[0] == 0
    for distance, product in enumerate(products, start=1):
        size = (product.square().sum((1, 2)) / width).mean().sqrt()
        worst = torch.linalg.svdvals(product)[:, 0].square().mean().sqrt()
        torch.testing.assert_close(frobenius.log_norms[distance].exp(), size, rtol=1e-9, atol=0)
        torch.testing.assert_close(spectral.log_norms[distance].exp(), worst, rtol=1e-9, atol=0)


def test_parts_are_blocks_of_the_whole():
    module, x = nn.LSTM(3, 4, num_layers=2).double(), torch.randn(2, 5, 3).double()
    product = _by_backward(module, x, n_rows=16)[-1]
    for part, block in ((FlowPart.HIDDEN, slice(0, 8)), (FlowPart.MEMORY, slice(8, 16))):
        size = (product[:, block, block].square().sum((1, 2)) / 8).mean().sqrt()
        torch.testing.assert_close(recurrent_flow(module, x, part=part).log_norms[-1].exp(), size, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("kind", "module"),
    [(SimpleRNNCell, nn.RNN(3, 4)), (LSTMCell, nn.LSTM(3, 4)), (ResetAfterGRUCell, nn.GRU(3, 4))],
)
def test_our_cell_and_torch_read_alike(kind, module):
    x = torch.randn(3, 20, 3)
    torch.testing.assert_close(
        recurrent_flow(kind.from_torch(module), x).log_norms, recurrent_flow(module, x).log_norms, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(("gain", "verdict"), [(0.97, "vanishing"), (1.0, "steady"), (1.03, "exploding")])
def test_a_linear_network_has_the_rate_of_its_matrix(gain, verdict):
    cell = SimpleRNNCell(1, hidden_width=6)
    cell.orthogonalize(gain=gain)
    with torch.no_grad():
        cell.gates.bias.zero_()
    flow = recurrent_flow(cell, torch.zeros(2, 500, 1))  # at zero tanh has slope 1
    assert flow.verdict.value == verdict
    assert flow.rate == pytest.approx(gain, rel=1e-6)
    assert flow.half_life == pytest.approx(math.log(2) / abs(math.log(gain)), rel=1e-4) if gain != 1 else 1e5
    assert flow.r_squared == pytest.approx(1, abs=1e-6)


def test_a_thousand_steps_do_not_underflow():
    flow = recurrent_flow(nn.RNN(1, 4), torch.randn(1, 1000, 1))
    assert flow.log_norms.isfinite().all()
    assert flow.log_norms[-1] < math.log(1e-320)
    assert flow.readings()["recurrent/log10_change"] == pytest.approx(flow.log_norms[-1].item() / math.log(10))


def test_the_model_does_not_change():
    torch.manual_seed(3)
    for model in (nn.GRU(2, 3), ResetLastGRUCell(2, hidden_width=3)):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        recurrent_flow(model, torch.randn(1, 4, 2))
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name])
        assert all(parameter.grad is None for parameter in model.parameters())


def test_a_dead_network_passes_nothing():
    module = nn.RNN(1, 3, nonlinearity="relu")
    with torch.no_grad():
        module.bias_ih_l0.fill_(-100.0)
    flow = recurrent_flow(module, torch.zeros(2, 5, 1))
    assert flow.log_norms[1:].tolist() == [-math.inf] * 5
    assert (flow.rate, flow.half_life, flow.verdict) == (0.0, 0.0, FlowVerdict.VANISHING)
    assert math.isnan(flow.r_squared)


def test_the_fit_is_that_of_numpy():
    numpy = pytest.importorskip("numpy")
    log_norms = torch.randn(50).double().cumsum(0) / 10 - 0.05 * torch.arange(50)
    flow = fit_flow(log_norms - log_norms[0])
    slope, start = numpy.polyfit(numpy.arange(50), (log_norms - log_norms[0]).numpy(), 1)
    fitted = start + slope * numpy.arange(50)
    assert flow.rate == pytest.approx(math.exp(slope))
    correlation = numpy.corrcoef((log_norms - log_norms[0]).numpy(), fitted)[0, 1]
    assert flow.r_squared == pytest.approx(correlation**2)


def test_the_limits_are_the_callers():
    log_norms = -0.01 * torch.arange(101.0)  # e^-1 is left
    assert fit_flow(log_norms).verdict is FlowVerdict.STEADY
    assert fit_flow(log_norms, limits=FlowLimits(vanishing=0.5)).verdict is FlowVerdict.VANISHING
    assert fit_flow(-log_norms, limits=FlowLimits(exploding=2.0)).verdict is FlowVerdict.EXPLODING
    with pytest.raises(InputError, match="limits 2 and 1000"):
        FlowLimits(vanishing=2.0)


@pytest.mark.parametrize(
    ("model", "x", "options", "words"),
    [
        (nn.Linear(2, 2), torch.zeros(1, 3, 2), {}, "a Linear was given, expected an nn.RNN"),
        (nn.GRUCell(2, 2), torch.zeros(1, 3, 2), {}, "a GRUCell was given"),
        (RecurrentLayer(GRUCell(2, hidden_width=2)), torch.zeros(1, 3, 2), {}, "the cell of a RecurrentLayer"),
        (nn.LSTM(2, 2, bidirectional=True), torch.zeros(1, 3, 2), {}, "bidirectional LSTM"),
        (nn.GRU(2, 2), torch.zeros(1, 0, 2), {}, r"shape \[1, 0, 2\] hold nothing"),
        (nn.GRU(2, 2), torch.zeros(1, 3, 5), {}, r"inputs of width 5 were given, the module takes 2"),
        (nn.GRU(2, 2), torch.full((1, 3, 2), math.nan), {}, "NaN"),
        (nn.GRU(2, 2), torch.zeros(1, 3, 2), {"part": FlowPart.MEMORY}, "a GRU keeps no memory"),
    ],
)
def test_bad_input_is_named(model, x, options, words):
    with pytest.raises(InputError, match=words):
        recurrent_flow(model, x, **options)


def test_a_state_that_overflows_is_named():
    module = nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(100.0)
    with pytest.raises(InputError, match=r"no longer finite at step 1\d\d of 300"):
        recurrent_flow(module, torch.ones(1, 300, 1))


def test_one_distance_is_too_few():
    with pytest.raises(InputError, match="1 distances"):
        fit_flow(torch.zeros(1))


def test_part_and_norm_may_be_their_words_and_nothing_else():
    model, x = nn.LSTM(3, 4), torch.randn(2, 9, 3)
    rates = set()
    for part in FlowPart:
        for norm in FlowNorm:
            by_member = recurrent_flow(model, x, part=part, norm=norm).rate
            assert recurrent_flow(model, x, part=part.value, norm=norm.value).rate == by_member
            rates.add(by_member)
    assert len(rates) == len(FlowPart) * len(FlowNorm)
    with pytest.raises(InputError, match=r"norm is 'nuclear', which is no FlowNorm.*'frobenius', 'spectral'"):
        recurrent_flow(model, x, norm="nuclear")
    with pytest.raises(InputError, match=r"part is 'cell', which is no FlowPart.*'state', 'hidden', 'memory'"):
        recurrent_flow(model, x, part="cell")


def test_an_activation_may_be_its_word_and_nothing_else():
    x, state = -torch.ones(1, 3), torch.zeros(1, 4)
    cell = SimpleRNNCell(3, hidden_width=4, activation="relu")
    assert (cell(x, state) >= 0).all()
    assert torch.equal(cell.jacobian(x, state), (cell(x, state) > 0).float()[..., None] * cell.gates.recurrent_map)
    with pytest.raises(InputError, match=r"activation is 'gelu', which is no CellActivation.*'tanh', 'relu'"):
        SimpleRNNCell(3, hidden_width=4, activation="gelu")


def test_inputs_that_are_no_batch_of_sequences_are_refused():
    """Without the suite's own checks of shapes."""
    unchecked = inspect.unwrap(recurrent_flow)
    packed = nn.utils.rnn.pack_sequence([torch.randn(5, 3), torch.randn(3, 3)])
    with pytest.raises(InputError, match=r"a PackedSequence was given, \[batch, seq, input\].*pad_packed_sequence"):
        unchecked(nn.LSTM(3, 4), packed)
    with pytest.raises(InputError, match=r"inputs of shape \[5, 3\]"):
        unchecked(nn.LSTM(3, 4), torch.randn(5, 3))
