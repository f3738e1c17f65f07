"""Logistic regression under a Gaussian prior, against its gradient, fits with an example left out, and integration."""

import numpy as np
import pytest

from yanmo.standard.learn_fit import fit_logistic


def examples(n, n_features, *, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, n_features))
    return x, (random.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)


@pytest.mark.parametrize("n_features", [2, 40])
def test_the_gradient_of_what_is_minimized_vanishes(n_features):
    x, y = examples(12, n_features)
    mean, std = np.linspace(-1, 1, n_features), np.linspace(0.1, 2, n_features)
    fit = fit_logistic(x, y, mean=mean, std=std)
    gradient = x.T @ (1 / (1 + np.exp(-x @ fit.weights)) - y) + (fit.weights - mean) / std**2
    assert gradient == pytest.approx(np.zeros(n_features), abs=1e-8)
    assert x @ fit.weights == pytest.approx(fit.logits)


def test_a_weight_without_spread_stays_at_its_mean():
    x, y = examples(20, 3)
    fit = fit_logistic(x, y, mean=np.array([0.7, 0.0, -0.2]), std=np.array([0.0, 1.0, 0.0]))
    assert fit.weights[[0, 2]].tolist() == [0.7, -0.2]
    assert fit.weights[1] != 0


def test_labels_that_can_be_parted_give_finite_weights():
    x = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    fit = fit_logistic(x, (x[:, 0] > 0).astype(float), mean=np.zeros(1), std=np.ones(1) * 1e3)
    assert np.isfinite(fit.weights).all()
    assert fit.weights[0] > 3


def test_logits_left_out_are_near_those_of_fits_without_the_example():
    x, y = examples(30, 4)
    prior = {"mean": np.array([1.0, 0, 0, 0]), "std": np.full(4, 0.5)}
    fit = fit_logistic(x, y, **prior)
    again = []
    for i in range(30):
        kept = np.arange(30) != i
        again.append(x[i] @ fit_logistic(x[kept], y[kept], **prior).weights)
    assert fit.left_out == pytest.approx(again, abs=0.03)
    assert np.abs(fit.logits - again).max() > 0.1  # seeing an example does change its logit


def test_an_example_of_weight_two_counts_as_two():
    x, y = examples(10, 2)
    prior = {"mean": np.zeros(2), "std": np.ones(2)}
    twice = fit_logistic(np.vstack([x, x[:1]]), np.append(y, y[0]), **prior)
    weighted = fit_logistic(x, y, **prior, weight=np.array([2.0] + [1.0] * 9))
    assert weighted.weights == pytest.approx(twice.weights)


def test_evidence_is_the_integral_over_the_prior():
    x, y = examples(8, 1)
    w = np.linspace(-6, 8, 20001)
    f = np.outer(w, x[:, 0])
    likelihood = np.exp((y * f - np.logaddexp(0, f)).sum(1)) * np.exp(-((w - 1) ** 2) / 2) / np.sqrt(2 * np.pi)
    exact = np.log(likelihood.sum() * (w[1] - w[0]))
    assert fit_logistic(x, y, mean=np.ones(1), std=np.ones(1)).evidence == pytest.approx(exact, abs=0.05)
