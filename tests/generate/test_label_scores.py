import math

import jaxtyping
import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.generate import Calibrated, LabelScores, LabelScoring, Length, sample_labels

LABELS = ("好", "一般", "不好")
PLAIN = LabelScoring(Length.WHOLE)
CALIBRATED = LabelScoring(Length.WHOLE, Calibrated.CONTENT_FREE)


@pytest.fixture
def scores():
    return LabelScores(
        LABELS,
        np.array([-2.0, -3.0, -5.0]),
        np.array([1, 2, 4]),
        np.array([[-1.0, -4.0, -6.0], [-2.0, -3.0, -9.0]]),
        "all 3",
    )


def test_probabilities_by_hand(scores):
    weights = [math.exp(-2), math.exp(-3), math.exp(-5)]
    np.testing.assert_allclose(scores.probabilities(PLAIN), [w / sum(weights) for w in weights])
    per_token = [math.exp(-2), math.exp(-1.5), math.exp(-1.25)]
    found = scores.probabilities(LabelScoring(Length.PER_TOKEN))
    np.testing.assert_allclose(found, [w / sum(per_token) for w in per_token])
    assert scores.best(PLAIN) == "好"
    assert scores.best(LabelScoring(Length.PER_TOKEN)) == "不好"


def test_a_scoring_may_be_words_and_nothing_else(scores, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a caller has no checks of types
    for scoring in scores.scorings:
        words = LabelScoring(scoring.length.value, scoring.calibrated.value)
        assert words == scoring
        assert words.name == scoring.name
        np.testing.assert_array_equal(scores.probabilities(words), scores.probabilities(scoring))
    with pytest.raises(InputError, match=r"length is 'token', which is no Length.*'whole', 'per_token'"):
        LabelScoring("token")


def test_calibration_by_hand(scores):
    """Divide by the mean probability for inputs without content, then normalize."""

    def shares(row):
        return [math.exp(x) / sum(map(math.exp, row)) for x in row]

    free = [sum(pair) / 2 for pair in zip(*map(shares, scores.content_free.tolist()), strict=True)]
    weights = [p / q for p, q in zip(shares([-2, -3, -5]), free, strict=True)]
    np.testing.assert_allclose(scores.probabilities(CALIBRATED), [w / sum(weights) for w in weights])


def test_a_prompt_without_content_calibrates_to_uniform(scores):
    one = LabelScores(LABELS, scores.content_free[0], scores.n_tokens, scores.content_free[:1], "all 3")
    for length in Length:
        np.testing.assert_allclose(one.probabilities(LabelScoring(length, Calibrated.CONTENT_FREE)), 1 / 3)


def test_very_small_likelihoods_stay_finite():
    scores = LabelScores(("a", "b"), np.array([-5e3, -4e3]), np.array([1, 1]), np.array([[-9e3, -1e3]]), "all 2")
    for scoring in scores.scorings:
        assert np.isfinite(scores.probabilities(scoring)).all()
    assert scores.best(CALIBRATED) == "a"


def test_readings_have_names(scores):
    names = [scoring.name for scoring in scores.scorings]
    assert names == ["whole", "per token", "whole, calibrated", "per token, calibrated"]
    bare = LabelScores(LABELS, scores.log_likelihoods, scores.n_tokens, np.zeros((0, 3)), "all 3")
    assert len(bare.scorings) == 2
    with pytest.raises(InputError, match="content_free"):
        bare.probabilities(CALIBRATED)


def test_some_labels_are_a_choice_of_their_own(scores):
    some = scores.among(["不好", "一般"], label_set="sampled 2 of 3, seed 0")
    assert (some.labels, some.label_set) == (("一般", "不好"), "sampled 2 of 3, seed 0")
    direct = LabelScores(
        ("一般", "不好"), np.array([-3.0, -5.0]), np.array([2, 4]), scores.content_free[:, 1:], some.label_set
    )
    for scoring in some.scorings:
        np.testing.assert_array_equal(some.probabilities(scoring), direct.probabilities(scoring))
    with pytest.raises(InputError, match=r"'坏' is none of the labels.*好, 一般, 不好"):
        scores.among(["坏"], label_set="")


def test_drawn_labels():
    labels = [f"l{i}" for i in range(20)]
    drawn = sample_labels(labels, 4, seed=3)
    assert drawn == sample_labels(labels, 4, seed=3) != sample_labels(labels, 4, seed=4)
    assert len(drawn) == 4
    assert sorted(drawn, key=labels.index) == list(drawn)
    assert all("l7" in sample_labels(labels, 2, seed=seed, keep="l7") for seed in range(9))
    seen = {label for seed in range(60) for label in sample_labels(labels, 4, seed=seed)}
    assert seen == set(labels)
    for n in (0, 21):
        with pytest.raises(InputError, match=f"cannot draw {n} of 20"):
            sample_labels(labels, n, seed=0)
    with pytest.raises(InputError, match="'x' is none of the labels"):
        sample_labels(labels, 4, seed=0, keep="x")
