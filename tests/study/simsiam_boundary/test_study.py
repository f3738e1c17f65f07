"""Linear SimSiam: closed forms, networks beside autograd, views of texts, and the whole study in its quick form."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("matplotlib")

from rich.console import Console

from yanmo.study.classification_tasks import bundled_task
from yanmo.study.outcome import save_outcome
from yanmo.study.simsiam_boundary.modes import Mode, critical_decay, decay_limits, parabola_limit, surviving
from yanmo.study.simsiam_boundary.networks import Predictor, gaussian_views, share_left, trained_encoders
from yanmo.study.simsiam_boundary.study import run_simsiam_boundary
from yanmo.study.simsiam_boundary.text_views import text_views


@pytest.mark.parametrize("p", [0.1, 0.2, 0.3])
def test_on_the_parabola_the_limit_is_the_lower_root(p):
    """There p (1 - c p) = h at the start, whatever the speed: s = p²/a."""
    for speed in (0.5, 4.0):
        mode = Mode(p, p**2 / speed, 0.5)
        assert decay_limits(mode, [speed])[0] == pytest.approx(parabola_limit(p, 1.5), rel=1e-3)


def test_beyond_the_top_the_critical_decay_decides_and_beyond_it_nothing_survives():
    mode = Mode(0.6, 0.4, 0.25)
    assert decay_limits(mode, [10.0])[0] == pytest.approx(critical_decay(1.25), rel=5e-3)
    assert not surviving(mode, [0.1, 1.0, 10.0, 20.0], [0.21] * 4).any()
    assert surviving(mode, [0.1, 1.0, 10.0], [0.0] * 3).all()


@pytest.mark.parametrize("predictor", [Predictor.TRAINED, Predictor.NO_STOP])
def test_a_step_is_the_gradient_that_autograd_gives(predictor):
    """One step of size e of a single network, against the loss written out."""
    views = gaussian_views(3, 0.5, batch=20, seed=1)
    first, second = (torch.from_numpy(view) for view in views(0))
    rng = np.random.default_rng(5)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    encoder = torch.from_numpy(np.sqrt(0.4) * rotation).requires_grad_()
    head = torch.from_numpy(0.3 * np.eye(3) + 0.05 * 0.3 * rng.normal(size=(3, 3)) / np.sqrt(3)).requires_grad_()
    target = second @ encoder.T
    target = target.detach() if predictor is Predictor.TRAINED else target
    (((first @ encoder.T @ head.T - target) ** 2).sum() / 2 / len(first)).backward()
    rate, decay, speed = 0.5, 0.1, 3.0
    moved = encoder - rate * (encoder.grad + decay * encoder)
    trained = trained_encoders(
        gaussian_views(3, 0.5, batch=20, seed=1),
        width=3,
        p=0.3,
        s=0.4,
        speeds=np.array([speed]),
        decays=np.array([decay]),
        predictor=predictor,
        rate=rate,
        time=rate,
        seed=5,
    )
    np.testing.assert_allclose(trained[0], moved.detach().numpy(), rtol=1e-12)


def test_directions_that_do_nothing_are_not_left():
    assert share_left(np.stack([np.eye(4), np.diag([1.0, 0.5, 0.01, 0.0])])).tolist() == [1.0, 0.5]


def test_views_of_texts_have_the_variances_that_are_claimed():
    texts = text_views(bundled_task(n_documents=8), width=4, keep=0.7)
    first, second = texts.draw(batch=40_000, seed=0)(0)
    np.testing.assert_allclose((first * second).mean(0), texts.strengths, atol=0.05)
    np.testing.assert_allclose((first**2).mean(0), texts.strengths * (1 + texts.noises), rtol=0.1)
    assert texts.strengths[0] == pytest.approx(1)


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_meets_its_theory(tmp_path):
    outcome = run_simsiam_boundary(quick=True, data=None, console=Console(quiet=True))
    written = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    names = ["simsiam_boundary.json", "simsiam_boundary_decay.png", "simsiam_boundary_text.png"]
    assert [path.name for path in written] == names
    numbers = json.loads(written[0].read_text())["numbers"]
    boundary = numbers["boundary"]
    np.testing.assert_allclose(np.mean(boundary["measured"], 0), boundary["predicted"], rtol=0.1)
    np.testing.assert_allclose(boundary["direct"]["measured"], boundary["direct"]["predicted"], rtol=0.1)
    assert np.max(boundary["left_without_stop_gradient"]) == 0
    predicted, measured = np.array(numbers["text"]["predicted"]), np.array(numbers["text"]["measured"][0])
    assert measured[0] == predicted[0] == 0
    assert measured[-1] == predicted[-1] == len(numbers["text"]["limits"])
    assert (np.diff(measured) >= 0).all()
