from math import comb

import numpy as np
import pytest

from yanmo.standard.binomial import binomial_tail, lower_bound, mcnemar, upper_bound


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 0.999, 1.0])
def test_the_tail_is_the_sum_of_its_terms(share):
    for n in (1, 2, 7, 40):
        terms = [comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
        expected = [sum(terms[k:]) for k in range(n + 1)]
        np.testing.assert_allclose(binomial_tail(np.arange(n + 1), n, share), expected, rtol=1e-10, atol=1e-14)


def test_tails_and_bounds_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    n = rng.integers(1, 20_000, 300)
    k = rng.binomial(n, rng.random(300))
    for share in (0.01, 0.3, 0.9, 0.97):
        np.testing.assert_allclose(binomial_tail(k, n, share), stats.binom.sf(k - 1, n, share), rtol=1e-8, atol=1e-12)
    for hits, size in zip(k[:5].tolist(), n[:5].tolist(), strict=True):
        expected = stats.beta.ppf(0.05, hits, size - hits + 1) if hits else 0.0
        assert lower_bound(hits, size, risk=0.05) == pytest.approx(expected, abs=1e-9)
        expected = stats.beta.ppf(0.95, hits + 1, size - hits) if hits < size else 1.0
        assert upper_bound(hits, size, risk=0.05) == pytest.approx(expected, abs=1e-9)


def test_nothing_counted_bounds_nothing():
    assert (lower_bound(0, 0, risk=0.05), upper_bound(0, 0, risk=0.05)) == (0.0, 1.0)


def test_mcnemar_is_the_binomial_test():
    stats = pytest.importorskip("scipy.stats")
    for better, worse in ((0, 0), (1, 0), (3, 12), (40, 41), (100, 20)):
        n = better + worse
        expected = stats.binomtest(better, n, 0.5).pvalue if n else 1.0
        assert mcnemar(better, worse) == pytest.approx(expected)
