import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.evaluate import Counts, TaskScores, official_score


def test_counts_are_pooled_over_lengths_before_f1_is_taken():
    rng = np.random.default_rng(0)
    standards = {"ssA": "A", "slA": "A", "llA": "A", "ssB": "B", "slB": "B", "llB": "B"}
    rows = {
        task: (rng.random(n) < 0.4, rng.random(n) < 0.5)
        for task, n in zip(standards, (90, 30, 7, 80, 20, 9), strict=True)
    }
    score = official_score({task: Counts.of(*row) for task, row in rows.items()}, standards=standards)
    expected = {}
    for standard in "AB":
        labels, decisions = (np.concatenate([rows[t][i] for t in rows if standards[t] == standard]) for i in (0, 1))
        hits = np.sum(labels & decisions)
        expected[standard] = 2 * hits / (labels.sum() + decisions.sum())
    assert score.standards == pytest.approx(expected)
    assert score.f1 == pytest.approx(sum(expected.values()) / 2)


def test_no_task_and_a_standard_named_like_the_mean_are_refused():
    with pytest.raises(InputError, match="no task to score"):
        official_score({}, standards={})
    with pytest.raises(InputError, match="names the mean of all"):
        official_score({"x": Counts(1, 0, 0, 0)}, standards={"x": "f1"})


@pytest.mark.parametrize(
    ("labels", "logits", "message"),
    [([], [], "has no example"), ([1, 0], [0.5], "2 labels but logits"), ([1], [float("nan")], "is not finite")],
)
def test_scores_that_cannot_be_judged_are_refused(labels, logits, message):
    with pytest.raises(InputError, match=message):
        TaskScores("ssA", "A", np.array(labels), np.array(logits))
