import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.match.asking import asking
from yanmo.match.decisions import Calibration, Decision
from yanmo.match.verdicts import verdict


def _logits(probabilities):
    p = np.asarray(probabilities, dtype=np.float64)
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_those_asked_about_are_those_most_likely_wrong(threshold):
    p = np.random.default_rng(0).random(1000).astype(np.float32)
    rule = asking(Decision(threshold=threshold), p, share=0.1)
    asked, leans = rule.asks(p), p >= threshold
    doubt = np.where(leans, 1 - p, p)
    assert asked.sum() == 100
    assert doubt[asked].min() >= doubt[~asked].max()
    assert rule.ask_above <= threshold <= rule.ask_below


def test_pairs_of_one_probability_are_asked_about_together_or_not_at_all():
    p = [0.1] * 8 + [0.5] * 2 + [0.9] * 10
    assert asking(Decision(), p, share=0.1).asks(p).sum() == 2
    assert asking(Decision(), p, share=0.05).asks(p).sum() == 0


def test_a_pair_without_a_threshold_is_not_asked_about():
    p = np.array([-1, -1, 0.45, 0.9], dtype=np.float32)
    assert asking(Decision(), p, share=0.6).asks(p).tolist() == [False, False, True, True]


def test_no_share_is_refused():
    with pytest.raises(InputError, match="share of 1"):
        asking(Decision(), [0.5], share=1.0)


def test_thresholds_that_do_not_hold_the_deciding_one_are_refused():
    for wrong in ({"ask_above": 0.6, "ask_below": 0.7}, {"ask_above": 0.2}, {"ask_share": 0.1}):
        with pytest.raises(ValueError, match="ask"):
            Decision(threshold=0.5, **wrong)


def test_the_third_answer_contradicts_no_looser_standard():
    """Over a grid of both scores: a strict yes needs a loose yes, and nobody is asked where the loose one says no."""
    grid = np.linspace(0.02, 0.98, 49)
    strict, loose = (each.ravel() for each in np.meshgrid(_logits(grid), _logits(grid)))
    looser = verdict(Decision(threshold=0.5, ask_above=0.4, ask_below=0.6), loose)
    for rule in (Decision(threshold=0.3), Decision(threshold=0.3, ask_above=0.2, ask_below=0.45)):
        found = verdict(rule, strict, looser)
        assert not ((found.answers == "1") & (looser.answers != "1")).any()
        assert (found.answers[looser.answers == "0"] == "0").all()
        assert {"0", "1", "?"} == {*found.answers.tolist()}


def test_without_thresholds_for_asking_all_stays_as_it_was():
    found = verdict(Decision(threshold=0.7, calibration=Calibration(scale=2.0)), np.linspace(-2, 2, 9))
    assert found.answers.tolist() == np.where(found.accepted, "1", "0").tolist()


def test_blank_pairs_are_not_asked_about():
    rule = Decision(threshold=0.5, ask_above=0.0, ask_below=1.1)
    assert verdict(rule, [0.0, 0.0], is_blank=[True, False]).answers.tolist() == ["0", "?"]
