import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.evaluate import Counts, best_f1_threshold, cost_threshold, smooth_f1_threshold


def _draw(rng, n, share=0.2):
    labels = rng.random(n) < share
    logits = rng.normal(size=n) + np.where(labels, 0.3, -1.7)
    return labels, 1 / (1 + np.exp(-logits))


def test_it_keeps_more_of_the_f1_on_new_pairs_than_the_plain_arg_max():
    rng = np.random.default_rng(0)
    labels, probabilities = _draw(rng, 100_000)

    def on_new_pairs(threshold):
        return Counts.of(labels, probabilities >= threshold).f1

    gains = []
    for _ in range(60):
        seen = _draw(rng, 200)
        gains.append(on_new_pairs(smooth_f1_threshold(*seen)) - on_new_pairs(best_f1_threshold(*seen)))
    assert np.mean(gains) > 2 * np.std(gains) / 60**0.5


def test_on_many_pairs_it_is_as_good_as_the_best():
    labels, probabilities = _draw(np.random.default_rng(1), 50_000)
    best = Counts.of(labels, probabilities >= best_f1_threshold(labels, probabilities)).f1
    assert Counts.of(labels, probabilities >= smooth_f1_threshold(labels, probabilities)).f1 > best - 0.002


def test_on_calibrated_probabilities_cost_follows_its_formula():
    rng = np.random.default_rng(2)
    probabilities = rng.random(200_000)
    labels = rng.random(200_000) < probabilities
    threshold = cost_threshold(labels, probabilities, false_positive=1.0, false_negative=3.0)
    assert threshold == pytest.approx(1 / (1 + 3), abs=0.02)


@pytest.mark.parametrize(
    ("labels", "probabilities"), [([0, 0], [0.2, 0.4]), ([], []), ([1, 0], [0.5, 0.5]), ([0, 1], [0.0, 1.0])]
)
def test_the_ends_give_a_probability(labels, probabilities):
    assert 0.0 <= smooth_f1_threshold(labels, probabilities) <= 1.0


def test_costs_and_widths_of_no_use_are_refused():
    with pytest.raises(InputError, match="expected both above 0"):
        cost_threshold([0, 1], [0.1, 0.9], false_positive=0.0, false_negative=1.0)
    with pytest.raises(InputError, match="width of 0"):
        smooth_f1_threshold([0, 1], [0.1, 0.9], width=0.0)


def test_matches_that_no_threshold_finds_lower_the_threshold():
    """Each pair found counts for more where many are lost: 2 hits / (hits + alarms + positives)."""
    rng = np.random.default_rng(0)
    labels = rng.random(2000) < 0.3
    probabilities = 1 / (1 + np.exp(-(rng.normal(size=2000) + 2 * labels - 1.5)))
    found = [smooth_f1_threshold(labels, probabilities, n_missed=n) for n in (0, 300, 3000)]
    assert found[0] > found[1] > found[2]
    for threshold, missed in zip(found, (0, 300, 3000), strict=True):
        accepted = probabilities >= np.unique(probabilities)[:, None]
        hits, alarms = (accepted & labels).sum(1), (accepted & ~labels).sum(1)
        best = np.max(2 * hits / (hits + alarms + labels.sum() + missed))
        yes = probabilities >= threshold
        reached = 2 * (yes & labels).sum() / (yes.sum() + labels.sum() + missed)
        assert reached > best - 0.01


def test_a_base_rate_counts_as_if_there_were_so_many_more_of_the_others():
    rng = np.random.default_rng(8)
    labels = rng.random(200) < 0.5
    scores = (1 / (1 + np.exp(-rng.normal(size=200) - 2 * labels))).astype(np.float32)
    # Every non-match nine times: the same blur is kept by giving the width that undoes the larger number of pairs.
    repeated = np.concatenate([np.flatnonzero(labels), np.repeat(np.flatnonzero(~labels), 9)])
    n_matches, n_others = int(labels.sum()), int((~labels).sum())
    moved = smooth_f1_threshold(labels, scores, base_rate=n_matches / (n_matches + 9 * n_others))
    z = [float(np.std(np.log(p) - np.log1p(-p))) for p in (scores, scores[repeated])]
    width = 0.5 * z[0] / z[1] * (len(repeated) / 200) ** 0.2
    expected = smooth_f1_threshold(labels[repeated], scores[repeated], width=width)
    assert abs(moved - expected) < 0.01
    assert moved > smooth_f1_threshold(labels, scores)
    with pytest.raises(InputError, match="base rate"):
        smooth_f1_threshold([True], [0.5], base_rate=0.2)
