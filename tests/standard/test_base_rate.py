import math

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.evaluate import Counts, TaskScores
from yanmo.match.decisions import Calibration, Decision
from yanmo.match.verdicts import verdict
from yanmo.standard.base_rate import decision_at, estimated_base_rate, mix_note, moved

DISTANCE = 2.4


def _logits(rng, labels):
    return rng.normal(size=len(labels)) + DISTANCE * labels


def _posterior(logits, share):
    return 1 / (1 + np.exp(-(DISTANCE * logits - DISTANCE**2 / 2 + math.log(share / (1 - share)))))


def test_moving_there_and_back_changes_nothing_and_moving_is_bayes_rule():
    calibration = Calibration(scale=DISTANCE, bias=-(DISTANCE**2) / 2 + math.log(0.7 / 0.3))
    logits = np.linspace(-3, 5, 9)
    there = moved(calibration, made_at=0.7, base_rate=0.15)
    np.testing.assert_allclose(there.probabilities(logits), _posterior(logits, 0.15), rtol=1e-5)
    assert moved(there, made_at=0.15, base_rate=0.7).bias == pytest.approx(calibration.bias)


@pytest.mark.parametrize("share", [0.02, 0.15, 0.5, 0.9])
def test_the_share_of_a_sample_is_found_from_scores_alone(share):
    rng = np.random.default_rng(3)
    labels = rng.random(20_000) < share
    found = estimated_base_rate(_posterior(_logits(rng, labels), 0.7), made_at=0.7)
    assert found == pytest.approx(share, abs=0.01)


def test_the_estimate_is_the_likeliest_share():
    p = _posterior(np.array([-1.0, 0.2, 1.4, 3.0]), 0.5)
    found = estimated_base_rate(p, made_at=0.5)
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = [np.sum(np.log(p * r / 0.5 + (1 - p) * (1 - r) / 0.5)) for r in grid]
    assert found == pytest.approx(grid[int(np.argmax(likelihood))], abs=2e-3)


def test_a_sample_of_one_kind_stays_half_a_pair_from_the_end():
    assert estimated_base_rate(np.full(50, 1e-6), made_at=0.5) == pytest.approx(0.01)
    with pytest.raises(InputError, match="no pair"):
        estimated_base_rate([], made_at=0.5)


def test_the_threshold_of_another_share_is_nearly_the_best_there():
    rng = np.random.default_rng(4)
    labels = rng.random(3000) < 0.7
    scores = TaskScores("t", "t", labels, _logits(rng, labels))
    rule = decision_at(scores, base_rate=0.15)
    new = rng.random(60_000) < 0.15
    logits = _logits(rng, new)
    best = max(Counts.of(new, logits >= cut).f1 for cut in np.linspace(0, 4, 81))
    stale = decision_at(scores, base_rate=0.7)
    assert Counts.of(new, verdict(rule, logits).accepted).f1 > best - 0.01
    assert Counts.of(new, verdict(stale, logits).accepted).f1 < best - 0.1
    assert rule.base_rate == 0.15


def test_pairs_that_a_looser_standard_closes_count_at_their_share_too():
    # Half of the matches and half of the others are closed: neither changes where the best cut of the open ones lies
    # among equals, but F1 must not forget them: a share of 0.5 then gives the same threshold as doubling both classes.
    rng = np.random.default_rng(5)
    labels = np.arange(2000) % 2 == 0
    logits = _logits(rng, labels)
    scores = TaskScores("t", "t", labels, logits)
    everything = decision_at(scores, base_rate=0.5)
    open_all = verdict(Decision(threshold=0.0), np.full(2000, 50.0))
    assert decision_at(scores, open_all, base_rate=0.5) == everything


def test_a_mix_far_from_the_calibrations_is_said():
    rule = Decision(base_rate=0.7)
    assert "--base-rate 0.15" in str(mix_note("law", rule, n=100, n_matches=15))
    assert mix_note("law", rule, n=100, n_matches=65) is None
    assert mix_note("law", rule, n=3, n_matches=1) is None
    # Far beyond chance, but odds that differ by less than a factor of two matter little.
    assert mix_note("law", rule, n=10_000, n_matches=6000) is None
    assert mix_note("law", Decision(), n=100, n_matches=15) is None
