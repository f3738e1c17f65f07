"""No standard says yes where a looser one says no, with any calibration and any thresholds."""

import numpy as np
import pytest

from yanmo.data import Task, TaskSet
from yanmo.errors import InputError
from yanmo.match import Calibration, Decision, Matcher, MatchingFile
from yanmo.match.verdicts import verdicts, with_implied

CHAIN = TaskSet(
    name="chain",
    tasks=(Task(name="strictest", implies="strict"), Task(name="strict", implies="loose"), Task(name="loose")),
)


def _matching(rng):
    def rule():
        calibration = Calibration(scale=float(rng.uniform(0.1, 4)), bias=float(rng.normal(0, 2)))
        return Decision(threshold=float(rng.uniform()), calibration=calibration)

    return MatchingFile(task_set=CHAIN, decisions={name: rule() for name in CHAIN.names})


@pytest.mark.parametrize("seed", range(20))
def test_strict_yes_is_loose_yes_and_probabilities_keep_the_order(seed):
    rng = np.random.default_rng(seed)
    matching, logits = _matching(rng), {name: rng.normal(0, 3, 1000).astype(np.float32) for name in CHAIN.names}
    found = verdicts(matching, logits)
    for stricter, looser in (("strictest", "strict"), ("strict", "loose")):
        assert not (found[stricter].accepted & ~found[looser].accepted).any()
        assert (found[stricter].probabilities <= found[looser].probabilities).all()
    # The loosest is what it is alone, and the others are not made one score with it.
    alone = matching.decision("loose")
    assert np.array_equal(found["loose"].accepted, alone.decide(logits["loose"]))
    strict = matching.decision("strict").calibration.probabilities(logits["strict"])
    below = strict <= found["loose"].probabilities
    assert np.array_equal(found["strict"].probabilities[below], strict[below])


def test_what_a_task_implies_is_asked_for_and_must_be_there():
    assert with_implied(CHAIN, ["strictest"]) == ("strictest", "strict", "loose")
    assert with_implied(CHAIN, ["loose", "strict"]) == ("loose", "strict")
    with pytest.raises(InputError, match="the logits of 'loose' are missing"):
        verdicts(MatchingFile(task_set=CHAIN), {"strict": [0.0]})


def test_tasks_that_imply_each_other_in_a_circle_are_refused():
    with pytest.raises(ValueError, match="in a circle"):
        TaskSet(name="x", tasks=(Task(name="a", implies="b"), Task(name="b", implies="c"), Task(name="c", implies="a")))


@pytest.mark.parametrize("thresholds", [(0.9, 0.1), (0.5, 0.5), (0.02, 0.98)])
def test_a_matcher_never_says_yes_strictly_and_no_loosely(tiny_matcher, thresholds):
    rng = np.random.default_rng(1)
    plain = tiny_matcher()
    characters = list("今天气不错我们去公园学生")
    texts = ["".join(rng.choice(characters, rng.integers(1, 9))) for _ in range(600)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    # Calibrated so that the strict score alone would mostly be above the loose one.
    decisions = {
        name: Decision(
            threshold=threshold,
            calibration=Calibration(bias=shift - float(np.median(plain.logits(pairs, task=name)))),
        )
        for name, threshold, shift in zip(("loose", "strict"), thresholds, (0.0, 0.5), strict=True)
    }
    tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict", implies="loose")))
    matching = plain.matching.model_copy(update={"task_set": tasks, "decisions": decisions})
    matcher = Matcher(plain.engine, plain.pair_encoder, matching)
    loose, strict = matcher.decide(pairs, task="loose"), matcher.decide(pairs, task="strict")
    assert not (strict & ~loose).any()
    scores = matcher.score_all(pairs)
    assert (scores["strict"] <= scores["loose"]).all()
    # The same alone as beside the others, but for what rounding leaves in other company.
    np.testing.assert_allclose(scores["strict"], matcher.score(pairs, task="strict"), atol=1e-6)
    bare = matcher.matching.decision("strict").calibration.probabilities(matcher.logits(pairs, task="strict"))
    assert (bare > scores["loose"]).any(), "else nothing was tested"
