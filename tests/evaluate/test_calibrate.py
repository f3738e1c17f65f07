import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from yanmo.evaluate import platt_scaling, temperature_scaling


def _drawn(scale, bias, n=20000):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=n) * 3
    return rng.random(n) < 1 / (1 + np.exp(-(scale * logits + bias))), logits


def test_platt_recovers_what_the_labels_were_drawn_by():
    labels, logits = _drawn(0.5, -1.0)
    found = platt_scaling(labels, logits)
    assert found.scale == pytest.approx(0.5, rel=0.05)
    assert found.bias == pytest.approx(-1.0, rel=0.05)


def test_platt_equals_logistic_regression_on_the_smoothed_targets():
    labels, logits = _drawn(0.7, 0.4, n=60)
    p, n = labels.sum(), (~labels).sum()
    target = np.where(labels, (p + 1) / (p + 2), 1 / (n + 2))
    model = LogisticRegression(C=1e10, tol=1e-10, max_iter=10000)
    model.fit(np.tile(logits, 2)[:, None], np.repeat([1, 0], 60), sample_weight=np.concatenate([target, 1 - target]))
    found = platt_scaling(labels, logits)
    assert found.scale == pytest.approx(model.coef_[0, 0], rel=1e-3)
    assert found.bias == pytest.approx(model.intercept_[0], rel=1e-3, abs=1e-3)


def test_temperature_recovers_the_scale():
    labels, logits = _drawn(2.0, 0.0)
    found = temperature_scaling(labels, logits)
    assert found.scale == pytest.approx(2.0, rel=0.05)
    assert found.bias == 0.0


@pytest.mark.parametrize("fit", [platt_scaling, temperature_scaling])
@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        ([0, 0, 1, 1], [-1e4, -5.0, 5.0, 1e4]),
        ([1, 1, 0, 0], [-2.0, -1.0, 1.0, 2.0]),
        ([0, 1], [3.0, 3.0]),
        ([1, 1], [0.5, 0.7]),
        ([0, 1, 0], [0.0, 0.0, 0.0]),
    ],
)
def test_the_ends_stay_finite_and_keep_the_order(fit, labels, logits):
    found = fit(labels, logits)
    assert np.isfinite([found.scale, found.bias]).all()
    assert found.scale > 0
