"""Picks against their definitions: variances by conditioning, information by exhaustion, first picks by rank."""

import numpy as np
import pytest

from yanmo.standard.label.expected import Expected, expect, pays_no_more
from yanmo.standard.label.picking import pick_first, pick_next, uncertainty


def test_first_picks_reach_over_the_whole_guess_and_repeat_none():
    scores = np.random.default_rng(0).normal(size=50)
    picked = pick_first(scores, 10)
    assert len(set(picked)) == 10
    assert picked[0] == np.argmax(scores)
    assert picked[1] == np.argmin(scores)
    assert sorted(pick_first(scores, 99)) == list(range(50))
    assert pick_first(scores[:1], 4) == [0]
    assert pick_first(scores[:0], 4) == []


def test_uncertainty_is_that_of_the_weights_posterior():
    random = np.random.default_rng(1)
    x, logits = random.normal(size=(12, 4)), random.normal(size=12)
    seen = np.array([2, 5, 7])
    p = 1 / (1 + np.exp(-logits[seen]))
    posterior = np.linalg.inv(np.eye(4) + (x[seen].T * (p * (1 - p))) @ x[seen])
    assert uncertainty(x, logits, seen) == pytest.approx(x @ posterior @ x.T)
    assert uncertainty(x, logits, seen[:0]) == pytest.approx(x @ x.T)


def test_the_doubtful_one_is_asked_and_not_its_double():
    x = np.array([[1.0, 0], [1, 0], [0, 1], [1, 0]])
    logits = np.array([0.0, 0.0, 0.1, 6.0])  # the last is as good as certain
    picked = pick_next(logits, uncertainty(x, logits, np.array([], int)), allowed=np.ones(4, bool), n=4)
    assert picked[:2] == [0, 2]
    assert picked[3] == 3


def test_what_is_not_allowed_is_never_asked():
    x = np.eye(3)
    allowed = np.array([False, True, False])
    assert pick_next(np.zeros(3), uncertainty(x, np.zeros(3), np.array([], int)), allowed=allowed, n=5) == [1]


def test_expectation_by_enumeration():
    p = np.array([0.9, 0.6, 0.3])
    decided = p >= 0.5
    worlds = np.array(np.meshgrid(*[[0, 1]] * 3, indexing="ij")).reshape(3, -1)
    weight = np.prod(np.where(worlds == 1, p[:, None], 1 - p[:, None]), axis=0)
    accuracy = (weight * (worlds == decided[:, None]).mean(0)).sum()
    assert expect(p, n_answers=3).accuracy == pytest.approx(accuracy)
    found = expect(p, n_answers=3, before=np.array([True, False, False]))
    assert found.changed == pytest.approx(1 / 3)
    assert expect(np.zeros(4), n_answers=0).f1 == 0


def test_labelling_may_stop_when_decisions_stay():
    def curve(*changed):
        return [Expected(10 * (i + 1), 0.8, 0.8, each) for i, each in enumerate(changed)]

    assert not pays_no_more(curve(None, 0.0))
    assert not pays_no_more(curve(None, 0.2, 0.004))
    assert not pays_no_more(curve(None, 0.004, 0.02))
    assert pays_no_more(curve(None, 0.2, 0.004, 0.0))
    assert not pays_no_more([])
