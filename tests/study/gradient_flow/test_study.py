"""Gradient flow beyond RNNs: each cell is its formula, and the whole study in its quick form."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("matplotlib")

from rich.console import Console

from yanmo.errors import InputError
from yanmo.probe import recurrent_flow
from yanmo.study.gradient_flow.cells import FlowCell, make_cell
from yanmo.study.gradient_flow.stacks import StackKind, make_stack
from yanmo.study.gradient_flow.study import run_gradient_flow
from yanmo.study.outcome import save_outcome


def run(cell, x):
    state = torch.zeros(x.shape[0], cell.state_width, dtype=x.dtype)
    for each in x.unbind(1):
        state = cell(each, state)
    return state


def lowest(kind):
    """The lowest layer of a cell in float64, and what it takes: the inputs under a norm."""
    cell = make_cell(kind, state_width=32, seed=0).double()
    x = torch.randn(2, 7, cell.input_size, dtype=torch.float64)
    return cell, cell.layers[0], x, F.layer_norm(x, x.shape[-1:])


@torch.no_grad()
def test_linear_attention_is_attention_over_what_came_before():
    cell, layer, x, u = lowest(FlowCell.LINEAR_ATTENTION)
    q, k = (F.elu(each(u)) + 1 for each in (layer.queries, layer.keys))
    weights = torch.einsum("bk,btk->bt", q[:, -1], k)
    expected = torch.einsum("bt,btv->bv", weights, layer.values(u)) / weights.sum(1, keepdim=True)
    state = run(cell, x[:, :-1])[:, : layer.state_width]
    torch.testing.assert_close(layer(u[:, -1], state)[0], expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_rwkv_is_a_mean_that_forgets():
    cell, layer, x, u = lowest(FlowCell.WKV)
    r, k, v = layer.reads(u).chunk(3, -1)
    age = torch.arange(6, -1, -1, dtype=torch.float64)[None, :, None]
    weights = torch.exp(k - layer.decay.exp() * age)
    expected = r[:, -1].sigmoid() * (weights * v).sum(1) / weights.sum(1)
    state = run(cell, x[:, :-1])[:, : layer.state_width]
    torch.testing.assert_close(layer(u[:, -1], state)[0], expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_state_space_is_a_sum_that_decays():
    cell, layer, x, u = lowest(FlowCell.STATE_SPACE)
    d = F.softplus(layer.steps(u))
    b, c = layer.reads(u).chunk(2, -1)
    expected = torch.zeros_like(u[:, -1])
    for t in range(7):
        since = d[:, t + 1 :].sum(1)
        for j in range(layer.n_states):
            kept = torch.exp(-since * (j + 1)) * d[:, t] * b[:, t, j : j + 1] * u[:, t]
            expected += c[:, -1, j : j + 1] * kept
    state = run(cell, x[:, :-1])[:, : layer.state_width]
    torch.testing.assert_close(layer(u[:, -1], state)[0], expected, rtol=1e-9, atol=1e-12)
    assert math.isclose(F.softplus(layer.steps.bias)[0].item(), 1e-3, rel_tol=1e-4)


@pytest.mark.parametrize("kind", FlowCell)
def test_a_cell_is_drawn_from_its_seed_alone(kind):
    before = torch.random.get_rng_state()
    one, two, other = (make_cell(kind, state_width=32, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert len(recurrent_flow(one, torch.randn(1, 3, one.input_size)).log_norms) == 4


def test_the_scaled_start_is_smaller_where_the_residual_is_entered():
    plain, scaled = (
        make_stack(kind, width=8, n_layers=2, seed=0) for kind in (StackKind.PRE_NORM, StackKind.PRE_NORM_SCALED)
    )
    torch.testing.assert_close(scaled[0].linear2.weight, plain[0].linear2.weight / 2)
    assert torch.equal(scaled[0].linear1.weight, plain[0].linear1.weight)
    layer = make_stack("tanh layers, orthogonal", width=8, n_layers=1, seed=0)[0]
    torch.testing.assert_close(layer[0].weight @ layer[0].weight.T, torch.eye(8), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_is_saved_whole(tmp_path):
    outcome = run_gradient_flow(quick=True, data=None, console=Console(quiet=True))
    written = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    assert [path.name for path in written] == [
        "gradient_flow.json",
        "gradient_flow_steps.png",
        "gradient_flow_layers.png",
    ]
    numbers = json.loads(written[0].read_text())["numbers"]
    assert [row["kind"] for row in numbers["probes"]] == [kind.value for kind in FlowCell]
    assert max(error for row in numbers["probes"] for error in row["largest_error"]) < 0.05
    verdicts = {row["kind"]: row["verdict"] for row in numbers["steps"]}
    assert verdicts["tanh RNN"] == ["vanishing"]
    assert verdicts["linear attention"] == ["steady"]


def test_data_that_would_be_ignored_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"draws its own sequences"):
        run_gradient_flow(quick=True, data=tmp_path, console=Console(quiet=True))
