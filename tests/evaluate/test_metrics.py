import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from yanmo.errors import InputError
from yanmo.evaluate import (
    Counts,
    average_precision,
    brier_score,
    calibration_error,
    ranking_curve,
    reliability_bins,
    roc_auc,
)

ROWS = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40)


@given(ROWS)
def test_counts_and_ratios_equal_scikit_learn(rows):
    labels = np.array([label for label, _ in rows])
    decisions = np.array([score > 0 for _, score in rows])
    counts = Counts.of(labels, decisions)
    assert counts.n == len(rows)
    assert counts.f1 == pytest.approx(sk.f1_score(labels, decisions, zero_division=0))
    assert counts.precision == pytest.approx(sk.precision_score(labels, decisions, zero_division=0))
    assert counts.recall == pytest.approx(sk.recall_score(labels, decisions, zero_division=0))
    assert counts.accuracy == pytest.approx((labels == decisions).mean())
    both = sk.f1_score(labels, decisions, average="macro", labels=[False, True], zero_division=0)
    assert counts.macro_f1 == pytest.approx(both)
    assert counts.all_positive_f1 == pytest.approx(sk.f1_score(labels, np.ones_like(labels), zero_division=0))


@given(ROWS, st.integers(1, 7))
def test_f1_at_another_base_rate_is_that_of_the_set_with_its_non_matches_repeated(rows, times):
    labels, decisions = np.array([label for label, _ in rows]), np.array([score > 0 for _, score in rows])
    counts = Counts.of(labels, decisions)
    n_positive, n_negative = int(labels.sum()), int((labels == 0).sum())
    if not n_positive or not n_negative:
        assert np.isnan(counts.f1_at(0.5))
        return
    weights = np.where(labels == 1, 1, times)
    expected = sk.f1_score(labels, decisions, sample_weight=weights, zero_division=0)
    assert counts.f1_at(n_positive / (n_positive + times * n_negative)) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5])
def test_a_base_rate_is_a_share(share):
    with pytest.raises(InputError, match="a share lies between 0 and 1"):
        Counts(1, 1, 1, 1).f1_at(share)


@given(ROWS)
def test_ranking_equals_scikit_learn_and_is_none_where_it_means_nothing(rows):
    labels = np.array([label for label, _ in rows])
    scores = np.array([float(score) for _, score in rows])
    if 0 < labels.sum() < len(labels):
        assert roc_auc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores))
    else:
        assert roc_auc(labels, scores) is None
    if labels.any():
        assert average_precision(labels, scores) == pytest.approx(sk.average_precision_score(labels, scores))
    else:
        assert average_precision(labels, scores) is None


@given(ROWS)
def test_every_cut_of_the_curve_equals_counting_it(rows):
    labels = np.array([label for label, _ in rows])
    scores = np.array([float(score) for _, score in rows])
    curve = ranking_curve(labels, scores)
    assert curve.values.tolist() == sorted(set(scores.tolist()), reverse=True)
    for k, value in enumerate(curve.values):
        counts = Counts.of(labels, scores >= value)
        assert (curve.true_positives[k], curve.false_positives[k]) == (counts.true_positives, counts.false_positives)
        assert curve.f1[k] == pytest.approx(counts.f1)


def test_weights_count_an_example_as_often():
    labels, scores = np.array([True, False, True]), np.array([0.9, 0.6, 0.3])
    weighted = ranking_curve(labels, scores, weights=np.array([2, 0, 3]))
    repeated = ranking_curve(labels[[0, 0, 2, 2, 2]], scores[[0, 0, 2, 2, 2]])
    assert weighted.true_positives[[0, 2]].tolist() == repeated.true_positives.tolist()


def test_calibration_error_and_brier_by_hand():
    labels, probabilities = [0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8]
    bins = reliability_bins(labels, probabilities, n_bins=2)
    assert [(b.n, round(b.probability, 6), b.match_rate) for b in bins] == [(2, 0.2, 0.0), (2, 0.7, 1.0)]
    assert calibration_error(bins) == pytest.approx((0.2 + 0.3) / 2)
    assert brier_score(labels, probabilities) == pytest.approx((0.01 + 0.09 + 0.16 + 0.04) / 4)


@given(st.permutations(list(range(12))))
def test_the_order_of_examples_never_matters(order):
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0])
    probabilities = np.array([0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9, 0.1])
    plain = calibration_error(reliability_bins(labels, probabilities, n_bins=5))
    mixed = calibration_error(reliability_bins(labels[list(order)], probabilities[list(order)], n_bins=5))
    assert plain == pytest.approx(mixed)


def test_labels_that_are_no_labels_are_refused():
    with pytest.raises(InputError, match="label 2 is neither 0 nor 1"):
        Counts.of([0, 2], [0, 1])
    with pytest.raises(InputError, match="2 labels but 1 decisions"):
        Counts.of([0, 1], [0])
