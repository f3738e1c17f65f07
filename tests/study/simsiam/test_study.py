import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from yanmo.errors import InputError
from yanmo.study.outcome import save_outcome
from yanmo.study.simsiam import study
from yanmo.study.simsiam.inputs import augmented, digits, digits_task, sentences_task
from yanmo.study.simsiam.mean import MEAN_FORMS, train_against_mean
from yanmo.study.simsiam.runs import VARIANTS, SiamesePlan, train_siamese
from yanmo.study.simsiam.toy import START, Side, fast_enough, linear_mean_flow, toy_limit, toy_path, toy_velocity


def test_the_toy_ends_where_the_article_says_and_keeps_its_quantity():
    stopped, live = toy_path(Side.STOPPED), toy_path(Side.LIVE)
    assert (stopped.phi[-1], stopped.theta[-1]) == pytest.approx((1.0, 0.80623), abs=1e-5)
    assert (live.phi[-1], live.theta[-1]) == pytest.approx((0.61270, 0.0), abs=1e-5)
    for path, offset in ((stopped, 0.0), (live, 1.0)):
        kept = path.theta**2 - (path.phi - offset) ** 2
        assert np.abs(kept - (START[1] ** 2 - (START[0] - offset) ** 2)).max() < 1e-8
        assert path.drift < 1e-8


def test_the_toy_moves_down_its_loss():
    """The velocity against automatic differentiation of the loss as the article writes it."""
    for side in Side:
        phi, theta = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.7, -0.4))
        target = theta.detach() if side is Side.STOPPED else theta
        (0.5 * (phi * theta - target) ** 2).backward()
        if side is Side.ALONE:  # the encoder moves by the target alone, the predictor as ever
            theta.grad = torch.autograd.grad(0.5 * (0.7 * -0.4 - theta) ** 2, theta)[0]
        found = toy_velocity(side, 0.7, -0.4)
        assert list(found) == pytest.approx([-phi.grad.item(), -theta.grad.item()])


@pytest.mark.parametrize("multiple", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("side", Side)
def test_limits_hold_at_other_rates_of_the_predictor(side, multiple):
    path = toy_path(side, multiple=multiple)
    assert (path.phi[-1], path.theta[-1]) == pytest.approx(toy_limit(side, multiple=multiple), abs=1e-6)


@pytest.mark.parametrize("start", [(0.6, 0.1), (1.5, 0.5), (-0.5, 0.3), (2.0, -0.2)])
@pytest.mark.parametrize("side", Side)
def test_a_predictor_that_is_fast_enough_arrives_before_the_encoder_collapses(side, start):
    boundary = fast_enough(side, start=start)
    for multiple in (boundary / 1.5, boundary * 1.5) if boundary else (0.1, 10.0):
        path = toy_path(side, start=start, multiple=multiple, end=4000.0, n_points=2)
        ended = (path.phi[-1], path.theta[-1])
        assert ended == pytest.approx(toy_limit(side, start=start, multiple=multiple), abs=1e-5)
        assert (abs(ended[1]) < 1e-5) == (multiple < boundary)


def test_many_small_steps_end_at_the_limit_too():
    phi, theta = START
    for _ in range(60_000):
        d_phi, d_theta = toy_velocity(Side.STOPPED, phi, theta)
        phi, theta = phi + 1e-3 * d_phi, theta + 1e-3 * d_theta
    assert (phi, theta) == pytest.approx(toy_limit(Side.STOPPED), abs=2e-3)


def test_a_linear_encoder_trained_against_the_mean_keeps_only_the_least_touched_direction():
    times, path, error = linear_mean_flow(np.array([0.1, 1.0]), np.eye(2), end=10.0, n_points=3)
    assert error < 1e-10
    assert path[-1].diagonal().tolist() == pytest.approx([math.exp(-1.0), math.exp(-10.0)])
    assert times.tolist() == [0, 5, 10]


def test_views_of_digits_stay_digits():
    images, _ = digits()
    views = augmented(images[:50], np.random.default_rng(0))
    assert views.shape == (50, 1, 8, 8)
    assert views.dtype == torch.float32
    assert (views == 0).sum((1, 2, 3)).tolist() == [9] * 50  # the erased patch; noise is nowhere else exactly 0
    assert not torch.equal(views, augmented(images[:50], np.random.default_rng(1)))


def test_quality_is_that_of_neighbors_and_every_run_of_a_seed_starts_with_the_same():
    from sklearn.neighbors import KNeighborsClassifier

    task, (images, labels) = digits_task(), digits()
    pixels, labels = images.flatten(1).numpy(), labels.numpy()
    by_sklearn = KNeighborsClassifier(5, metric="cosine").fit(pixels[: task.n_inputs], labels[: task.n_inputs])
    expected = by_sklearn.score(pixels[task.n_inputs :], labels[task.n_inputs :])
    assert task.bare_quality == pytest.approx(expected, abs=0.005)
    starts = []
    for name in ("simsiam", "no_predictor", "byol"):
        trace = _on_digits(name, 4, quality=task.quality)
        assert list(trace.quality) == [0, 4]
        starts.append(trace.quality[0])
    assert len(set(starts)) == 1
    assert 0.8 < starts[0] < 0.97


def test_byols_average_follows_every_step():
    task = digits_task()
    torch.manual_seed(0)
    network = VARIANTS["byol"].network(task.build(), width=task.width)
    before = {name: value.clone() for name, value in network.average_values().items()}
    plan = SiamesePlan(n_steps=3, batch_size=64, rate=0.1)
    train_siamese(
        network,
        lambda rng: task.views(rng.choice(1500, 64).tolist(), rng),
        plan=plan,
        multiple=1.0,
        seed=0,
        quality=None,
    )
    after, weights = network.average_values(), dict(network.named_parameters())
    moved = [name for name in before if name in weights and not torch.equal(before[name], after[name])]
    assert moved
    assert not any(torch.equal(after[name], weights[name]) for name in moved)


def _on_digits(name, n_steps, quality=None):
    task, variant = digits_task(), VARIANTS[name]
    torch.manual_seed(0)
    network = variant.network(task.build(), width=task.width)
    plan = SiamesePlan(n_steps=n_steps, batch_size=64, rate=0.1)

    def draw(rng):
        return task.views(rng.choice(task.n_inputs, plan.batch_size, replace=False).tolist(), rng)

    return train_siamese(network, draw, plan=plan, multiple=variant.multiple, seed=0, quality=quality)


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.collapses])
def test_a_deliberately_collapsing_run_trips_the_alarm_before_step_200(name):
    trace = _on_digits(name, 190)
    assert trace.alarm_at is not None
    assert trace.alarm_verdicts["projections"] == "rank-one"
    # What makes the rank necessary: the usual reading alone sees nothing.
    assert trace.readings["projections"]["std"][trace.steps.index(trace.alarm_at)] > 0.2


def test_the_healthy_run_does_not():
    trace = _on_digits("simsiam", 190)
    assert trace.alarm_at is None
    assert trace.loss[-1] < 0.7 < trace.loss[0]


def test_the_open_question_collapses_and_a_predictor_holds_it():
    plan = SiamesePlan(n_steps=40, batch_size=64, rate=0.02, weight_decay=0.0)
    plain = train_against_mean(MEAN_FORMS["squared_stopped"], digits_task(), plan=plan, seed=0)
    assert plain.alarm_verdicts["vectors"] == "constant"
    held = train_against_mean(MEAN_FORMS["cosine_predicted"], digits_task(), plan=plan, seed=0)
    assert held.alarm_at is None
    assert held.readings["projections"]["effective_rank"][-1] > 5


def test_sentences_come_from_the_corpus_that_is_named(tmp_path):
    with pytest.raises(InputError, match="no folder 'corpus'"):
        sentences_task(tmp_path)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("今天天气不错啊。\n", encoding="utf-8")
    with pytest.raises(InputError, match="1 sentences were found, expected 200"):
        sentences_task(tmp_path)
    lines = [f"第{i}个句子在这里写着。" for i in range(300)]
    (tmp_path / "corpus" / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    task = sentences_task(tmp_path)
    assert task.n_inputs == 300
    batch = task.views([0, 1, 2], np.random.default_rng(0))
    assert task.build()(batch).shape == (6, task.width)


@pytest.mark.usefixtures("unchecked")
def test_the_run_writes_everything(tmp_path, monkeypatch):
    """The quick one, smaller still but where the images have to show who collapses."""
    few = SiamesePlan(n_steps=2, batch_size=16, rate=0.1)
    monkeypatch.setattr(study, "_QUICK", replace(study._QUICK, sentences=few, mean=few))
    outcome = study.run_simsiam(quick=True, data=None, console=Console(quiet=True))
    save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    console = Console(width=300, record=True, file=io.StringIO())
    for table in outcome.tables:
        console.print(table)
    text = console.export_text()
    assert "原始输入 0.953" in text
    assert all(variant.title in text for variant in VARIANTS.values())
    record = json.loads((tmp_path / "simsiam.json").read_text(encoding="utf-8"))
    numbers = record["numbers"]
    assert set(numbers["images"]) == set(numbers["sentences"]) == set(VARIANTS)
    assert set(numbers["mean"]) == set(MEAN_FORMS)
    assert all(abs(row["phi"] - row["exact_phi"]) < 1e-4 > row["drift"] for row in numbers["toy"]["paths"])
    assert numbers["images"]["simsiam"]["runs"][0]["alarm_at"] is None
    assert numbers["images"]["no_stop"]["runs"][0]["alarm_at"] is not None
    for figure in ("toy", "phases", "images", "sentences", "mean"):
        assert 20_000 < (tmp_path / "figures" / f"simsiam_{figure}.png").stat().st_size < 200_000
