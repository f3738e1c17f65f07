import io
import json
import math
from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("matplotlib")

from rich.console import Console
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.layers import GRUCell, LSTMCell, RecurrentLayer, SimpleRNNCell
from yanmo.serve.cli import app
from yanmo.study.outcome import save_outcome
from yanmo.study.recurrent_gradient import study
from yanmo.study.recurrent_gradient.adding_problem import AddingPlan, draw_sums, learn_sums
from yanmo.study.recurrent_gradient.cells import CellKind, Start, make_cell
from yanmo.study.recurrent_gradient.flows import FlowPlan, flows, gain_scan, jacobian_errors, matrix_terms
from yanmo.study.recurrent_gradient.study import run_recurrent_gradient
from yanmo.study.recurrent_gradient.tanh_bound import TANH_BOUND, offset_bound, tanh_bound

PLAN = FlowPlan(n_steps=12, hidden_width=4, n_sequences=2, seeds=(0, 1))


def test_the_bound_by_bisection_of_its_own_condition():
    with localcontext() as context:
        context.prec = 40
        low, high = Decimal(0), Decimal(2)
        for _ in range(120):  # 2 s tanh s = 1
            s = (low + high) / 2
            tanh = 1 - 2 / ((2 * s).exp() + 1)
            low, high = (s, high) if 2 * s * tanh < 1 else (low, s)
        expected = s * (1 - tanh * tanh)
    assert abs(tanh_bound(digits=30) - expected) < Decimal("1e-29")
    assert str(tanh_bound())[:14] == "0.447743204694"


def test_no_weight_exceeds_the_bound_and_one_reaches_it():
    weights = torch.linspace(-50, 50, 200_001, dtype=torch.float64)
    for hidden in (-1.0, -0.3, 0.05, 0.7):
        value = ((1 - (weights * hidden).tanh() ** 2) * weights).abs() * abs(hidden)
        assert value.max() <= TANH_BOUND + 1e-15
    assert value.max() == pytest.approx(TANH_BOUND, rel=1e-6)


def test_an_input_lifts_the_bound():
    assert offset_bound(0.0) == pytest.approx(TANH_BOUND, rel=1e-6)
    assert offset_bound(3.0) == pytest.approx(offset_bound(-3.0))
    assert offset_bound(3.0) > 3  # U h = -a leaves slope 1, and |U| |h| = |a|


@pytest.mark.parametrize("kind", CellKind)
def test_closed_forms_agree_with_autograd(kind):
    assert jacobian_errors(kind, seeds=(0,)) < 1e-10


@pytest.mark.parametrize("kind", CellKind)
def test_a_cell_is_drawn_from_its_seed_alone(kind):
    start = Start(gain=1.0, keep=1.0)
    before = torch.random.get_rng_state()
    one, two, other = (
        make_cell(kind, input_width=2, hidden_width=4, start=start, seed=seed).state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    if not kind.gated:
        assert all(not value.any() for name, value in one.items() if name.endswith("bias"))


def test_a_relu_cell_that_starts_as_the_identity_carries_its_gradient_a_thousand_steps():
    cell = make_cell(CellKind.RELU, input_width=2, hidden_width=8, start=Start(identity=True), seed=0)
    assert Start(identity=True).label == "identity"
    state = torch.rand(3, 8)
    # Small inputs move a positive state by next to nothing: it is remembered.
    torch.testing.assert_close(cell(torch.rand(3, 2), state), state, atol=0.01, rtol=0)
    plan = FlowPlan(n_steps=1000, hidden_width=8, n_sequences=2, seeds=(0, 1, 2))
    for flow in flows(CellKind.RELU, Start(identity=True), plan=plan):
        assert flow.verdict.value == "steady"
    assert all(flow.verdict.value == "vanishing" for flow in flows(CellKind.RELU, Start(gain=1.0), plan=plan))


def test_gradients_that_are_not_clipped_may_end_beyond_all_numbers():
    """They are told as None, not as numbers that a table would average."""
    cells = [make_cell(CellKind.RELU, input_width=2, hidden_width=8, start=Start(gain=3.0), seed=0)]
    given = {"n_steps": 120, "seed": 0, "watch": lambda n, n_learned: None}
    plan = AddingPlan(n_updates=40, n_between=10, learning_rate=0.1)
    (free,) = learn_sums(cells, plan=replace(plan, max_norm=math.inf), **given)
    assert (free.learned_at, free.best, free.cell) == (None, None, None)
    assert free.errors == (None,) * 4


def test_chrono_keeps_for_times_up_to_the_longest():
    cell = make_cell(CellKind.LSTM, input_width=1, hidden_width=256, start=Start(chrono=100), seed=0)
    assert isinstance(cell, LSTMCell)
    times = cell.gates.bias.detach()[256:512].exp()  # uniform in 1..99
    torch.testing.assert_close(cell.gates.bias[:256].exp() * times, torch.ones(256))
    assert 1 <= times.min() < 3
    assert 95 < times.max() <= 99
    assert times.mean() == pytest.approx(50, abs=6)


def test_labels_of_starts_differ():
    starts = [Start(), Start(gain=1.0), Start(gain=2.0), Start(gain=1.0, keep=1.0), Start(gain=1.0, chrono=9)]
    assert len({start.label for start in starts}) == 5


def test_sums_have_one_mark_in_each_half():
    x, total = draw_sums(200, n_steps=11, generator=torch.Generator().manual_seed(0))
    marks = x[..., 1]
    assert set(marks.unique().tolist()) == {0.0, 1.0}
    assert (marks[:, :5].sum(1) == 1).all()
    assert (marks[:, 5:].sum(1) == 1).all()
    assert (marks.sum(0) > 0).all()
    torch.testing.assert_close((x[..., 0] * marks).sum(1), total)
    assert (total - 1).square().mean().item() == pytest.approx(1 / 6, abs=0.03)


def test_members_learn_as_they_would_alone():
    start = Start(gain=1.0, keep=1.0)
    cells = [make_cell(CellKind.GRU, input_width=2, hidden_width=4, start=start, seed=seed) for seed in (0, 1)]
    plan = AddingPlan(n_updates=6, n_between=3, n_heldout=8, batch_size=4, max_norm=0.01)
    together = learn_sums(cells, n_steps=5, plan=plan, seed=7, watch=lambda *_: None)
    for cell, run in zip(cells, together, strict=True):
        assert isinstance(cell, GRUCell)
        layer, out = RecurrentLayer(cell), nn.Linear(4, 1)
        nn.init.zeros_(out.weight)
        nn.init.ones_(out.bias)
        parameters = [*layer.parameters(), *out.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=plan.learning_rate)
        generator = torch.Generator().manual_seed(7)
        x0, y0 = draw_sums(8, n_steps=5, generator=generator)
        errors = []
        for update in range(1, 7):
            x, y = draw_sums(4, n_steps=5, generator=generator)
            optimizer.zero_grad()
            (out(layer(x)[0][:, -1]).squeeze(-1) - y).square().mean().backward()
            nn.utils.clip_grad_norm_(parameters, plan.max_norm)
            optimizer.step()
            if update % 3 == 0:
                errors.append((out(layer(x0)[0][:, -1]).squeeze(-1) - y0).square().mean().item())
        assert run.errors == pytest.approx(errors, rel=1e-3)
        assert run.learned_at is None
        assert run.best == min(run.errors)


def test_a_short_sum_is_learned_and_training_stops():
    cell = make_cell(CellKind.GRU, input_width=2, hidden_width=16, start=Start(gain=1.0, keep=1.0), seed=0)
    looks = []
    plan = AddingPlan(n_updates=1000, n_between=20, solved=0.05)
    run = learn_sums([cell], n_steps=4, plan=plan, seed=0, watch=lambda *look: looks.append(look))[0]
    assert run.learned_at == 20 * len(run.errors) < 1000
    assert run.errors[-1] < 0.05 <= min(run.errors[:-1])
    assert looks == [(update, int(update == run.learned_at)) for update in range(20, run.learned_at + 1, 20)]
    x, y = draw_sums(256, n_steps=4, generator=torch.Generator().manual_seed(5))
    hidden, _ = RecurrentLayer(run.cell)(x)  # the trained cell comes back, the given one is as it was
    explained = torch.linalg.lstsq(hidden[:, -1].detach(), (y - 1)[:, None])
    assert not torch.equal(run.cell.gates.bias, cell.gates.bias)
    assert explained.solution.isfinite().all()


def test_flows_differ_by_seed_only():
    first, second = flows(CellKind.GRU, Start(), plan=PLAN)
    again, _ = flows(CellKind.GRU, Start(), plan=PLAN)
    assert torch.equal(first.log_norms, again.log_norms)
    assert not torch.equal(first.log_norms, second.log_norms)
    assert len(first.log_norms) == 13


def test_a_larger_matrix_gives_a_larger_rate():
    rates = gain_scan(CellKind.LSTM, gains=(0.1, 4.0), plan=PLAN)
    assert rates.shape == (2, 2)
    assert (rates[0] < rates[1]).all()
    assert rates[0] == pytest.approx(0.5, abs=0.1)  # only the forget gate, sigmoid(0 + a little), is left


@pytest.mark.parametrize("kind", [kind for kind in CellKind if kind.gated])
def test_terms_with_a_matrix_vanish_with_it(kind):
    small = matrix_terms(kind, gain=1e-4, plan=PLAN)
    tenfold = matrix_terms(kind, gain=1e-3, plan=PLAN)
    assert small.shape == (2,)
    np.testing.assert_allclose(tenfold / small, 10, rtol=0.01)  # linear in the matrices to first order
    assert (small < 1e-4).all()


@pytest.fixture
def tiny(monkeypatch):
    """The quick study, smaller still: checking every shape makes each step ten times as slow."""
    quick = study._QUICK
    plan = replace(quick, distance=PLAN, scan=PLAN, learn=replace(quick.learn, n_updates=4, n_between=2, n_heldout=8))
    monkeypatch.setattr(study, "_QUICK", plan)


@pytest.mark.usefixtures("tiny")
def test_the_study_runs_and_is_saved_whole(tmp_path):
    outcome = run_recurrent_gradient(quick=True, data=None, console=Console(quiet=True))
    json_file, *figures = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    assert json_file.name == "recurrent_gradient.json"
    assert sorted(figure.stem.removeprefix("recurrent_gradient_") for figure in figures) == [
        "adding",
        "bound",
        "distance",
        "steadiness",
    ]
    assert all(figure.stat().st_size < 200_000 for figure in figures)
    assert len(outcome.tables) == 4
    numbers = outcome.numbers
    assert max(numbers["exact"]["jacobian_error"].values()) < 1e-10
    assert {row["cell"] for row in numbers["distances"]["rows"]} == {kind.value for kind in CellKind}
    assert {row["cell"] for row in numbers["adding"]} == {"RNN tanh", "GRU", "GRU reset last"}
    assert all(math.isfinite(row["best_error"]) for row in numbers["adding"])
    console = Console(width=300, record=True, file=io.StringIO())
    for table in outcome.tables:
        console.print(table)
    text = console.export_text()
    assert "0.447743204694" in text
    assert all(kind.value in text for kind in CellKind)


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_runs_from_the_command_line(tmp_path):
    done = CliRunner().invoke(app, ["study", "recurrent-gradient", "--quick", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "recurrent_gradient.json").read_text(encoding="utf-8"))
    assert record["quick"] is True
    assert "0.447743204694" in done.stdout


def test_data_that_would_be_ignored_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"draws its own sequences\. Fix: leave --data out"):
        run_recurrent_gradient(quick=True, data=tmp_path, console=Console(quiet=True))


def test_the_relu_cell_is_the_one_with_relu():
    cell = make_cell(CellKind.RELU, input_width=2, hidden_width=4, start=Start(), seed=0)
    assert isinstance(cell, SimpleRNNCell)
    assert (cell(torch.randn(50, 2), torch.zeros(50, 4)) >= 0).all()
