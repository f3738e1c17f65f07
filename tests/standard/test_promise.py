"""Simulations whose truth is known: scores of two normal classes, for which every precision and recall is a formula."""

import math

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.standard.binomial import binomial_tail
from yanmo.standard.promise import cost_cut, precision_cut, recall_cut
from yanmo.standard.scored import ScoredPairs
from yanmo.standard.sequence import sequence_sizes

N, SHARE, DISTANCE = 400, 0.45, 2.6


def _scored(labels, scores):
    labels, scores = np.array(labels, dtype=bool), np.array(scores, dtype=np.float32)
    return ScoredPairs(labels, scores, scores)


def _draw(rng, n=N, share=SHARE, distance=DISTANCE):
    """Labelled pairs whose calibrated probability is known: log-odds of a match are linear in the score."""
    labels = rng.random(n) < share
    z = rng.normal(size=n) + distance * labels
    log_odds = distance * z - distance**2 / 2 + math.log(share / (1 - share))
    return _scored(labels, 1 / (1 + np.exp(-log_odds)))


def _truth(threshold, share=SHARE, distance=DISTANCE):
    """Precision and recall of a threshold in closed form."""
    log_odds = math.log(threshold) - math.log1p(-threshold)
    z = (log_odds - math.log(share / (1 - share)) + distance**2 / 2) / distance
    found, wrong = (share * 0.5 * math.erfc((z - at) / math.sqrt(2)) for at in (distance, 0.0))
    wrong *= (1 - share) / share
    return found / (found + wrong), found / share


def _broken(cut_of, truth_of, *, n_draws=400):
    rng = np.random.default_rng(0)
    kept = [cut_of(_draw(rng)) for _ in range(n_draws)]
    broken = [cut is not None and truth_of(cut) for cut in kept]
    # Of a share of at most 0.05 so many or more are seen once in a thousand times.
    most = next(k for k in range(n_draws) if float(binomial_tail(k, n_draws, 0.05)) < 1e-3)
    assert sum(broken) < most
    return kept


def test_a_promise_of_precision_is_broken_no_more_often_than_said():
    def cut_of(scored):
        try:
            return precision_cut(scored, level=0.9, risk=0.05)
        except InputError:
            return None

    kept = _broken(cut_of, lambda cut: _truth(cut.threshold)[0] < 0.9)
    recalls = [_truth(cut.threshold)[1] for cut in kept if cut is not None]
    # And it is worth something: it is made for most draws, at most of the recall that the precision allows.
    grid = np.linspace(0.01, 0.99, 981)
    oracle = max(recall for precision, recall in map(_truth, grid) if precision >= 0.9)
    assert len(recalls) > 0.9 * len(kept)
    assert np.median(recalls) > 0.85 * oracle


def test_a_promise_of_recall_is_broken_no_more_often_than_said_and_nearly_so_often():
    kept = _broken(lambda scored: recall_cut(scored, level=0.9, risk=0.05), lambda cut: _truth(cut.threshold)[1] < 0.9)
    # One exact test: what keeps it from 5 % is only that counts are whole numbers.
    assert np.mean([_truth(cut.threshold)[1] < 0.9 for cut in kept]) > 0.02


def test_a_bound_of_the_cost_holds():
    def above(cut):
        precision, recall = _truth(cut.threshold)
        missed = SHARE * (1 - recall)
        wrong = SHARE * recall * (1 - precision) / precision
        return 5 * wrong + missed > cut.level

    _broken(lambda scored: cost_cut(scored, false_match=5.0, missed_match=1.0, risk=0.05), above, n_draws=25)


def test_precision_of_pure_chance_is_never_promised():
    rng = np.random.default_rng(1)
    for _ in range(20):
        with pytest.raises(InputError, match="cannot be promised"):
            precision_cut(_scored(rng.random(300) < 0.5, rng.random(300)), level=0.9, risk=0.05)


def test_the_sizes_are_those_at_which_one_more_miss_passes():
    sizes = sequence_sizes(1000, level=0.9, risk=0.05)
    for misses, size in enumerate(sizes, start=1):
        assert (
            float(binomial_tail(size - misses, size, 0.9))
            <= 0.05
            < float(binomial_tail(size - 1 - misses, size - 1, 0.9))
        )


def test_all_hits_in_the_first_size_are_enough_and_one_below_is_not():
    n = math.ceil(math.log(0.05) / math.log(0.9))
    cut = precision_cut(_scored([1] * n + [0], [0.9] * n + [0.1]), level=0.9, risk=0.05)
    assert (cut.threshold, cut.counts.recall) == (pytest.approx(0.9), 1.0)
    with pytest.raises(InputError, match="cannot be promised with 29 labels"):
        precision_cut(_scored([1] * (n - 1) + [0], [0.9] * (n - 1) + [0.1]), level=0.9, risk=0.05)


def test_pairs_that_no_threshold_accepts_are_neither_accepted_nor_forgotten():
    closed = precision_cut(_scored([1] * 60 + [1] * 40, [0.9] * 60 + [-1] * 40), level=0.9, risk=0.05)
    assert (closed.threshold, closed.counts.recall) == (pytest.approx(0.9), 0.6)
    with pytest.raises(InputError, match="40 of 100 matches are turned down by the looser"):
        recall_cut(_scored([1] * 60 + [1] * 40, [0.9] * 60 + [-1] * 40), level=0.9, risk=0.05)


def test_the_number_that_would_do_does():
    rng = np.random.default_rng(2)
    asked = []
    for _ in range(12):
        with pytest.raises(InputError, match="cannot be promised") as refused:
            precision_cut(_draw(rng, n=60), level=0.95, risk=0.05)
        if "about " in refused.value.problem:
            asked.append(int(refused.value.problem.split("about ")[1].split(" ")[0].replace(",", "")))
    assert len(asked) > 6
    n = int(np.median(asked))
    made = 0
    for _ in range(40):
        try:
            precision_cut(_draw(rng, n=n), level=0.95, risk=0.05)
            made += 1
        except InputError:
            pass
    assert 120 < n < 1500
    assert made >= 20


def test_too_few_matches_say_how_many_would_do():
    scored = _scored([1] * 10 + [0] * 30, [0.9] * 10 + [0.1] * 30)
    # 29 hits of 29 promise 0.9; of 40 labels 10 are matches, so 116 hold 29.
    with pytest.raises(InputError, match="about 116 would do"):
        recall_cut(scored, level=0.9, risk=0.05)
