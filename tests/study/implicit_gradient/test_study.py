import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
import typer

pytest.importorskip("matplotlib")

from rich.console import Console
from scipy.linalg import logm
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.regularize import gradient_penalty_loss
from yanmo.serve.commands.study import study
from yanmo.study.classification_tasks import ClassificationTask, features
from yanmo.study.implicit_gradient.fields import Flow, asymmetry, descent_field, sharpness_at
from yanmo.study.implicit_gradient.losses import TanhNetwork, network_loss, product_loss, quadratic_loss
from yanmo.study.implicit_gradient.path import follow_product
from yanmo.study.implicit_gradient.steps import flow_path, measure_steps, step_distance
from yanmo.study.implicit_gradient.study import run_implicit_gradient
from yanmo.study.implicit_gradient.summary import squared_norm_ratio, summarize
from yanmo.study.implicit_gradient.training import DescentPlan, DescentRun, Way, descend, train_all

EXAMPLES = {"quadratic": quadratic_loss, "product": product_loss, "network": lambda: network_loss(n_examples=20)}
# Checking every shape makes a step several times as slow; 1e-3 and 1e-2 lie within the fitted range.
RATES = (1e-3, 3e-3, 1e-2)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_slopes_are_two_three_and_four(name):
    example = EXAMPLES[name]()
    found = measure_steps(example.loss, example.start, scaled_rates=RATES, on_rate=lambda: None)
    for flow in Flow:
        key = flow.name.lower()
        assert found.slopes[key] == pytest.approx(flow.expected_slope, abs=0.02)
        assert found.local_slopes[key] == pytest.approx((flow.expected_slope, flow.expected_slope), abs=0.05)


def test_on_a_quadratic_the_fields_are_the_first_terms_of_the_logarithm():
    example = quadratic_loss()
    matrix = torch.autograd.functional.hessian(example.loss, example.start).numpy()
    # (I - gA)^n x is followed exactly by x' = log(I - gA)/g x: its series is cut after one, two, three terms.
    for flow, missing in zip(Flow, (2, 3, 4), strict=True):
        gaps = []
        for rate in (1e-3, 2e-3):
            exact = logm(np.eye(3) - rate * matrix) / rate @ example.start.numpy()
            field = descent_field(example.loss, rate=rate, flow=flow)(example.start).numpy()
            gap = np.linalg.norm(field - exact)
            term = np.linalg.matrix_power(matrix, missing) @ example.start.numpy() * rate ** (missing - 1) / missing
            assert gap == pytest.approx(np.linalg.norm(term), rel=0.01)
            gaps.append(gap)
        assert math.log2(gaps[1] / gaps[0]) == pytest.approx(missing - 1, abs=0.01)


def test_in_one_dimension_the_fields_follow_from_the_scalar_formula():
    # L = -x^3/3, f = x^2: f'f = 2x^3, f'f'f = 4x^4, f''(f,f) = 2x^4, so f + g f1 + g^2 f2 = x^2 - g x^3 + 3/2 g^2 x^4,
    # the textbook's modified equation of Euler's method for x' = x^2.
    x, g = torch.tensor([1.3], dtype=torch.float64), 0.1
    found = descent_field(lambda x: -(x**3).sum() / 3, rate=g, flow=Flow.NEXT_ORDER)(x)
    assert float(found) == pytest.approx(1.3**2 - g * 1.3**3 + 1.5 * g**2 * 1.3**4, rel=1e-14)


def test_the_next_order_by_differences_of_the_gradient_alone():
    example = network_loss(n_examples=20)
    x, g, h = example.start, 0.7, 3e-3
    f = descent_field(example.loss, rate=g, flow=Flow.PLAIN)

    def around(v):
        return [f(x + k * h * v) for k in (-2, -1, 0, 1, 2)]

    def along(v):
        far, near, _, near1, far1 = around(v)
        return (8 * (near1 - near) - (far1 - far)) / (12 * h)

    v = f(x)
    far, near, middle, near1, far1 = around(v)
    bend = along(v)
    turn = (16 * (near1 + near) - (far1 + far) - 30 * middle) / (12 * h**2)
    expected = g**2 * (along(bend) / 3 + turn / 12)
    found = descent_field(example.loss, rate=g, flow=Flow.NEXT_ORDER)(x)
    found -= descent_field(example.loss, rate=g, flow=Flow.MODIFIED)(x)
    assert float((found - expected).norm() / expected.norm()) < 1e-6


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_modified_field_is_the_descent_of_the_penalized_loss(name):
    example, rate = EXAMPLES[name](), 0.2
    x = example.start.clone().requires_grad_()
    gradient_penalty_loss(lambda: example.loss(x), [x], weight=rate / 4).backward()
    field = descent_field(example.loss, rate=rate, flow=Flow.MODIFIED)(example.start)
    torch.testing.assert_close(-field, x.grad, rtol=1e-12, atol=1e-14)


def test_only_the_next_order_is_no_gradient():
    example = product_loss()
    fields = {flow: descent_field(example.loss, rate=0.1, flow=flow) for flow in Flow}
    assert asymmetry(fields[Flow.PLAIN], example.start) < 1e-8
    assert asymmetry(fields[Flow.MODIFIED], example.start) < 1e-8
    assert asymmetry(fields[Flow.NEXT_ORDER], example.start) > 1e-3


def test_a_distance_agrees_with_the_flow_solved_in_positions():
    example = product_loss()
    for flow in Flow:
        end = flow_path(example.loss, example.start, rate=0.02, flow=flow, times=np.array([0.0, 0.02]))[-1]
        step = example.start + 0.02 * descent_field(example.loss, rate=0.02, flow=Flow.PLAIN)(example.start)
        found = step_distance(example.loss, example.start, rate=0.02, flow=flow)
        assert found == pytest.approx(np.linalg.norm(step.numpy() - end), rel=1e-5)


def test_the_sharpness_is_the_largest_eigenvalue():
    example = network_loss(n_examples=20)
    hessian = torch.autograd.functional.hessian(example.loss, example.start)
    assert sharpness_at(example.loss, example.start) == pytest.approx(
        float(torch.linalg.eigvalsh(hessian).abs().max()), rel=1e-3
    )


def test_the_balance_is_kept_by_the_flow_and_shrunk_by_each_step():
    path = follow_product(rate=0.08, n_steps=6)
    a, b = np.asarray(path["descent"]).T
    assert path["flows"]["modified"].shape == (25, 2)
    np.testing.assert_allclose(path["balance"]["plain"], a[0] ** 2 - b[0] ** 2, rtol=1e-9)
    balance = np.asarray(path["balance"]["descent"])
    np.testing.assert_allclose(balance[1:] / balance[:-1], 1 - 0.08**2 * (a * b - 1)[:-1] ** 2, rtol=1e-12)
    assert path["farthest"]["next_order"] < path["farthest"]["modified"] < path["farthest"]["plain"]


def test_the_network_is_the_one_of_torch_layers():
    network = TanhNetwork(5, 3, 4)
    x, inputs = network.draw(torch.Generator().manual_seed(0)), torch.randn(7, 5)
    w0, b0, w1, b1 = x[:15].view(5, 3), x[15:18], x[18:30].view(3, 4), x[30:]
    layers = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Tanh(), torch.nn.Linear(3, 4))
    layers.load_state_dict({"0.weight": w0.mT, "0.bias": b0, "2.weight": w1.mT, "2.bias": b1 + 0.5})
    torch.testing.assert_close(network.logits(x, inputs) + 0.5, layers(inputs))
    assert not b0.any()
    assert TanhNetwork(400, 50, 2).draw(torch.Generator().manual_seed(0))[:20000].std() == pytest.approx(0.05, rel=0.05)


def _quadratic(x):
    return (torch.tensor([1.0, 4.0], dtype=torch.float64) * x**2).sum() / 2


@pytest.mark.parametrize("way", Way)
def test_descent_by_the_closed_form_of_a_quadratic(way):
    start = torch.tensor([1.0, 0.5], dtype=torch.float64)
    weight = 0.0 if way is Way.PLAIN else 0.3
    *_, (n, end) = descend(_quadratic, start, way=way, rate=0.05, weight=weight, n_steps=20)
    curvature = np.array([1.0, 4.0])
    expected = (1 - 0.05 * (curvature + 2 * weight * curvature**2)) ** 20 * start.numpy()
    assert n == 20
    np.testing.assert_allclose(end.detach().numpy(), expected, rtol=1e-9)
    assert start.tolist() == [1.0, 0.5]


def _blobs():
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(3).repeat(20)
    inputs = torch.eye(3)[labels] + 0.4 * torch.randn(60, 3, generator=generator)
    return ClassificationTask("blobs", inputs, labels, ("a", "b", "c"), None, lambda: torch.nn.Linear(3, 3))


PLAN = DescentPlan((0.1, 0.2, 0.4), difference_rate=0.2, total_time=4.0, n_train=30, hidden_width=4, seeds=(0, 1))


@pytest.fixture(scope="module")
def blob_runs():
    return train_all(_blobs(), PLAN, on_run=lambda: None)


def test_a_penalty_at_a_small_rate_ends_where_the_larger_rate_does(blob_runs):
    runs = blob_runs
    assert [(run.way, run.rate) for run in runs] == PLAN.jobs() * 2
    for run in runs:
        # 10 steps of rate 0.4 are fewer than the 20 looks.
        n_looks = 11 if (run.way, run.rate) == (Way.PLAIN, 0.4) else 21
        assert len(run.losses) == len(run.squared_norms) == n_looks
        assert (run.recovered is None) == (run.way is Way.PLAIN)
        # All rates are far below the edge of stability here, where the theory must hold.
        assert run.recovered is None or run.recovered > 0.9
        assert run.accuracy > 0.6
    assert runs[0].distance == 0
    assert 0 < runs[1].distance < runs[2].distance
    again = train_all(_blobs(), replace(PLAN, seeds=(1,)), on_run=lambda: None)
    assert again == runs[len(PLAN.jobs()) :]


def test_counts_of_ngrams_fold_into_fewer_buckets():
    task = replace(_blobs(), inputs=torch.tensor([[1, 5, 5, 0], [2, 0, 0, 0]]))
    # 1 and 5 meet in the first of four buckets, and 0 is no n-gram.
    assert features(task, n_buckets=4).tolist() == [[3.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    assert features(_blobs()) is not None
    torch.testing.assert_close(features(_blobs()), _blobs().inputs)


def _run(losses, squares, **given):
    base = {"way": Way.PLAIN, "rate": 1.0, "seed": 0, "accuracy": 0.5, "nll": 1.0, "sharpness": 1.0}
    rest = {"peak_sharpness": None, "distance": 0.0, "recovered": None}
    ends = {"train_loss": losses[-1], "squared_norm": squares[-1], "losses": losses, "squared_norms": squares}
    return DescentRun(**base | rest | ends | given)


def test_gradients_are_compared_at_the_same_loss():
    base = _run((1.0, 0.1, 0.01), (1.0, 0.1, 0.01))  # |grad L|^2 = L
    ahead = _run((1.0, 0.01, 0.0001), (3.0, 0.03, 0.0003))  # 3 L, and twice as fast
    assert squared_norm_ratio(ahead, base) == pytest.approx(3)
    assert squared_norm_ratio(base, ahead) == pytest.approx(1 / 3)
    assert squared_norm_ratio(base, base) == pytest.approx(1)


def test_summaries_are_within_seeds(blob_runs):
    runs = blob_runs
    summary = summarize(runs, PLAN)
    row = next(row for row in summary["rows"] if (row["way"], row["rate"]) == ("penalty", 0.4))
    by = {(run.way, run.rate, run.seed): run for run in runs}
    gaps = [by[Way.PENALTY, 0.4, s].nll - by[Way.PLAIN, 0.1, s].nll for s in (0, 1)]
    assert row["nll_minus_smallest"] == pytest.approx({"mean": np.mean(gaps), "sd": abs(gaps[0] - gaps[1]) / 2**0.5})
    aims = [by[Way.PENALTY, 0.4, s].accuracy - by[Way.PLAIN, 0.4, s].accuracy for s in (0, 1)]
    assert row["accuracy_minus_imitated"]["mean"] == pytest.approx(np.mean(aims))
    assert summary["edge"]["mean"] == pytest.approx(np.mean([2 / r.peak_sharpness for r in runs if r.rate == 0.1]))
    assert summary["runs"][3] == asdict(runs[3])


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_runs_from_the_command_line(tmp_path):
    app = typer.Typer()
    app.command()(study)
    result = CliRunner().invoke(app, ["implicit-gradient", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    names = ["implicit_gradient_path.png", "implicit_gradient_steps.png", "implicit_gradient_training.png"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    assert all(path.stat().st_size < 200_000 for path in (tmp_path / "figures").iterdir())
    record = json.loads((tmp_path / "implicit_gradient.json").read_text(encoding="utf-8"))
    assert record["quick"] is True
    assert record["seeds"] == [0, 1]
    numbers = record["numbers"]
    assert len(numbers["steps"]) == 3
    for found in numbers["steps"].values():
        assert list(found["slopes"].values()) == pytest.approx([2, 3, 4], abs=0.02)
    assert list(numbers["training"]) == ["digits", "bundled texts"]
    for found in numbers["training"].values():
        assert [row["way"] for row in found["rows"]] == ["plain"] * 3 + ["penalty"] * 2 + ["difference"]
        assert len(found["runs"]) == 12
        assert found["rows"][3]["recovered"]["mean"] > 0.5  # rate 0.5 by 0.25 with the penalty
    assert "惩罚→0.5" in result.output
    assert "tanh network" in result.output


def test_data_without_a_corpus_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder 'corpus' in the data.*Fix: name the folder"):
        run_implicit_gradient(quick=True, data=tmp_path, console=Console(quiet=True))
