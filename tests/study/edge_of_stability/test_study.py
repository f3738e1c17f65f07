"""The edge of stability: what a quadratic says of itself, and the whole study in its quick form."""

import json
import math
from dataclasses import replace

import pytest
import torch

pytest.importorskip("matplotlib")

from rich.console import Console

from yanmo.errors import InputError
from yanmo.study.edge_of_stability import study
from yanmo.study.edge_of_stability.descent import DescentPlan, FittedDigits, run_descent
from yanmo.study.edge_of_stability.exactness import compare_with_dense
from yanmo.study.edge_of_stability.study import run_edge_of_stability
from yanmo.study.outcome import save_outcome

PLAN = DescentPlan(total_time=4.0, n_train=40, hidden_width=4, n_readings=5)


def test_probe_and_dense_matrix_agree():
    found = compare_with_dense(FittedDigits(30, hidden_width=5, seed=0, dtype=torch.float64))
    assert found["n_parameters"] == 64 * 5 + 5 + 5 * 10 + 10
    assert found["relative_error"] < 1e-3
    assert found["n_products"] < 60


def test_the_loss_is_half_the_squared_distance():
    digits = FittedDigits(10, hidden_width=3, seed=0)
    with torch.no_grad():
        distance = (digits.network(digits.inputs) - digits.targets).norm(dim=1)
    assert digits.loss().item() == pytest.approx(distance.square().mean().item() / 2)
    assert digits.targets.sum(1).tolist() == [1.0] * 10


def test_a_run_reads_where_it_says():
    n = 0

    def count():
        nonlocal n
        n += 1

    run = run_descent(PLAN, rate=0.1, momentum=0.0, seed=1, on_reading=count)
    assert n == len(run.times) == len(run.sharpnesses) == 5
    assert run.times == pytest.approx((0, 1, 2, 3, 4))
    assert run.edge == 20
    assert run.at_the_end == pytest.approx(run.sharpnesses[-1] / 20)
    assert run.reached_at is None
    assert run.rises == (0.0, None)  # far below the edge the loss falls at every step
    with_momentum = run_descent(PLAN, rate=0.05, momentum=0.5, seed=1, on_reading=count)
    assert with_momentum.edge == pytest.approx(2 * 1.5 / 0.05)
    assert with_momentum.times == pytest.approx(run.times)
    assert with_momentum.sharpnesses[0] == run.sharpnesses[0]


def test_beyond_the_edge_the_loss_rises():
    run = run_descent(PLAN, rate=0.3, momentum=0.0, seed=1, on_reading=lambda: None)
    assert run.sharpnesses[0] > run.edge
    assert run.reached_at == 0
    assert run.rises[1] > 0.1


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_is_saved_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_QUICK", replace(study._QUICK, trained_for=(0.0,)))
    outcome = run_edge_of_stability(quick=True, data=None, console=Console(quiet=True))
    written = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    assert [path.name for path in written] == ["edge_of_stability.json", "edge_of_stability_runs.png"]
    runs = json.loads(written[0].read_text())["numbers"]["runs"]
    plain = [run for run in runs if not run["momentum"] and run["rate"] in study._QUICK.rates]
    assert len(plain) == 2
    for run in plain:
        assert run["at_the_end"] == pytest.approx(1, abs=0.15)
    reference = next(run for run in runs if run["rate"] == study._QUICK.reference_rate)
    assert reference["at_the_end"] < 0.5
    assert math.isfinite(reference["losses"][-1])


def test_data_that_would_be_ignored_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"learns the digits"):
        run_edge_of_stability(quick=True, data=tmp_path, console=Console(quiet=True))
