import numpy as np
import pytest

from yanmo.standard.audit_model import fit_ridge_logistic, out_of_fold_logits


def draw(n=300, k=3, seed=0):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n, k))
    labels = rng.random(n) < 1 / (1 + np.exp(-(columns @ np.arange(1, k + 1) - 0.5)))
    return columns, labels


def test_it_is_the_optimum_of_scikit_learn_where_all_strengths_are_one():
    linear = pytest.importorskip("sklearn.linear_model")
    columns, labels = draw()
    weights, constant = fit_ridge_logistic(columns, labels, penalty=np.full(3, 2.0), offset=np.zeros(300))
    # Its C is one over the strength.
    theirs = linear.LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(columns, labels)
    assert weights == pytest.approx(theirs.coef_[0], abs=2e-3)
    assert constant == pytest.approx(theirs.intercept_[0], abs=2e-3)


def test_the_gradient_is_zero_with_strengths_and_offset():
    columns, labels = draw()
    penalty, offset = np.array([0.1, 5.0, 50.0]), np.linspace(-2, 2, 300)
    weights, constant = fit_ridge_logistic(columns, labels, penalty=penalty, offset=offset)
    p = 1 / (1 + np.exp(-(offset + columns @ weights + constant)))
    assert columns.T @ (p - labels) + penalty * weights == pytest.approx(np.zeros(3), abs=1e-4)
    assert (p - labels).sum() == pytest.approx(0, abs=0.01)


def test_one_class_alone_stays_finite():
    columns, _ = draw()
    weights, constant = fit_ridge_logistic(columns, np.ones(300, bool), penalty=np.ones(3), offset=np.zeros(300))
    assert np.isfinite([*weights, constant]).all()
    assert constant > 2


def test_a_label_reaches_neither_its_own_row_nor_the_same_pair_elsewhere():
    # Every pair stands there twice with a column of its own, by which a model that saw the label would know it.
    labels = np.repeat(np.arange(40) % 2 == 0, 2)
    columns = np.repeat(np.eye(40) * 10, 2, axis=0)
    found = out_of_fold_logits(
        columns, labels, penalty=np.full(40, 1e-3), group=np.repeat(np.arange(40), 2), offset=np.zeros(80)
    )
    assert np.abs(found).max() < 0.01
    seen, constant = fit_ridge_logistic(columns, labels, penalty=np.full(40, 1e-3), offset=np.zeros(80))
    assert (np.abs(columns @ seen + constant) > 4).all()


def test_what_carries_nothing_leaves_the_offset():
    rng = np.random.default_rng(1)
    offset = rng.normal(size=400) * 2
    labels = rng.random(400) < 1 / (1 + np.exp(-offset))
    found = out_of_fold_logits(
        rng.normal(size=(400, 2)), labels, penalty=np.full(2, 1e6), group=np.arange(400), offset=offset
    )
    assert np.corrcoef(found, offset)[0, 1] > 0.99
