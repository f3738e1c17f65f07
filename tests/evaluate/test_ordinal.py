import numpy as np
import pytest

from yanmo.evaluate.no_errors import wilson_auc, wilson_f1
from yanmo.evaluate.ordinal import mean_ndcg, ndcg, spearman


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_and_gain_are_those_of_the_reference(seed):
    stats, metrics = pytest.importorskip("scipy.stats"), pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    grades, scores = rng.integers(0, 5, 40), rng.integers(0, 12, 40) / 12
    assert spearman(grades, scores) == pytest.approx(stats.spearmanr(grades, scores).statistic)
    expected = metrics.ndcg_score([2.0**grades - 1], [scores], k=10)
    assert ndcg(grades, scores) == pytest.approx(expected)


def test_ends():
    assert spearman([1, 1], [0.2, 0.3]) is None
    assert mean_ndcg([], [], []) == (None, 0)
    assert mean_ndcg([1, 1, 0], [3, 2, 1], ["a", "a", "b"]) == (None, 0)
    assert mean_ndcg([3, 5], [1, 2], ["a", "a"]) == (1.0, 1)


@pytest.mark.parametrize("n", [1.0, 10.0, 40.0, 1000.0])
def test_a_perfect_sample_leaves_about_what_the_rule_of_three_leaves(n):
    low, high = wilson_f1(1.0, n)
    share = low / (2 - low)  # F1 = 2 J / (1 + J)
    assert high == 1
    # Wilson's end and 1 - 3/n leave shares of errors of the same order: z^2 = 3.84 against 3.
    assert 1 - share == pytest.approx(3.8414588 / (n + 3.8414588))
    assert wilson_auc(1.0, n)[0] == pytest.approx(share)
    assert wilson_f1(0.0, n)[0] == 0
    assert wilson_auc(0.0, n) == pytest.approx((0, 1 - share))
