from dataclasses import replace

import numpy as np
import pytest

from yanmo.data import Pair, Task, TaskSet
from yanmo.errors import InputError
from yanmo.evaluate import TaskScores, fit_decisions, judge_across_halves, judge_stored, score_split
from yanmo.evaluate.rules import Halves, fit_all, fit_decision, halve, verdict_of
from yanmo.match import Calibration, Decision, MatchingFile, Verdict
from yanmo.match.verdicts import verdicts

CHAIN = TaskSet(
    name="chain",
    tasks=(Task(name="topic"), Task(name="event", implies="topic"), Task(name="words", implies="event")),
)


def _pairs(n, kind=""):
    return [Pair(f"{kind}{i}", "乙", None, str(i), i + 1, "") for i in range(n)]


def _chain(n=200, *, seed=0, same_pairs=True):
    """Three nested labels and logits that know them badly, so that bare scores contradict each other."""
    rng = np.random.default_rng(seed)
    topic = rng.random(n) < 0.6
    labels = {"topic": topic, "event": topic & (rng.random(n) < 0.6), "words": topic & (rng.random(n) < 0.3)}
    logits = {name: rng.normal(size=n) + 1.5 * found for name, found in labels.items()}
    made = []
    for name, looser in (("topic", ()), ("event", ("topic",)), ("words", ("event", "topic"))):
        pairs = _pairs(n, "" if same_pairs else name)
        beside = {each: logits[each] for each in looser}
        made.append(TaskScores(name, name, labels[name], logits[name], pairs=pairs, looser=beside))
    return made


def test_what_is_counted_is_what_the_matcher_decides():
    scores = _chain()
    rules = {
        "topic": Decision(threshold=0.6, calibration=Calibration(scale=0.7, bias=0.2)),
        "event": Decision(threshold=0.3, calibration=Calibration(scale=1.2, bias=0.5)),
        "words": Decision(threshold=0.1),
    }
    found = verdicts(MatchingFile(task_set=CHAIN, decisions=rules), {task.task: task.logits for task in scores})
    reports = judge_stored(scores, rules, n_bootstrap=2).tasks
    for task in scores:
        accepted, labels = found[task.task].accepted, task.labels
        hits = np.count_nonzero(accepted & labels)
        assert reports[task.task].recall == pytest.approx(hits / labels.sum())
        assert reports[task.task].precision == pytest.approx(hits / accepted.sum())
        np.testing.assert_array_equal(verdict_of(task, rules).probabilities, found[task.task].probabilities)
    bare = judge_stored([TaskScores("words", "words", scores[2].labels, scores[2].logits)], rules, n_bootstrap=2)
    assert bare.tasks["words"].recall > reports["words"].recall  # these pairs would show the difference


def test_a_strict_threshold_is_chosen_for_the_decision_that_is_taken():
    better = []
    for seed in range(8):
        scores = _chain(seed=seed)
        rules = fit_all(scores)
        bare = {each.task: fit_decision(replace(each, looser={})) for each in scores}
        assert rules["topic"] == bare["topic"]
        joint = judge_stored(scores, rules, n_bootstrap=2).tasks
        mixed = judge_stored(scores, bare, n_bootstrap=2).tasks
        better.append(joint["words"].f1 - mixed["words"].f1)
    assert np.mean(better) > 0.005


@pytest.mark.parametrize("same_pairs", [True, False])
def test_rules_fitted_and_judged_keep_yes_within_yes(same_pairs):
    scores = _chain(same_pairs=same_pairs)
    rules, judgement = fit_decisions(scores)
    assert list(rules) == ["topic", "event", "words"]
    assert rules["words"].f1 == judgement.tasks["words"].f1
    assert judge_across_halves(scores, n_bootstrap=2).tasks["words"].f1 == judgement.tasks["words"].f1
    if same_pairs:
        found = [verdict_of(task, rules).accepted for task in scores]
        assert not np.any(found[2] & ~found[1])
        assert not np.any(found[1] & ~found[0])


def test_a_pair_is_decided_by_loose_rules_that_never_saw_it():
    """The first half's rule accepts all, the second's nothing: strict pairs must meet the one they are not in."""
    loose, strict, _ = _chain()
    half = np.arange(len(loose)) % 2
    rules = (Decision(threshold=0.0), Decision(threshold=1.0))
    no = np.zeros(len(loose), dtype=np.bool_)
    nothing = Verdict(np.zeros(len(loose), dtype=np.float32), no, no, no, no)
    known = Halves(half, rules, nothing, {(p.text0, p.text1): i for i, p in enumerate(loose.pairs)})
    found = halve(strict, {"topic": known}, np.random.default_rng(0))
    assert not np.any(found.verdict.accepted & (half == 0))
    assert np.any(found.verdict.accepted & (half == 1))


def test_too_few_of_a_kind_cannot_be_halved():
    with pytest.raises(InputError, match="1 matches among 5 pairs"):
        halve(TaskScores("t", "t", np.array([1, 0, 0, 0, 0]), np.arange(5.0)), {}, np.random.default_rng(0))


def test_logits_of_looser_tasks_must_be_of_the_same_pairs():
    with pytest.raises(InputError, match="'topic' other logits"):
        TaskScores("event", "event", np.array([1, 0]), np.zeros(2), looser={"topic": np.zeros(3)})


def test_strict_pairs_are_scored_under_the_looser_task_where_that_is_not_known(overlap_matcher):
    matcher = overlap_matcher[0]
    strict = [Pair("一二", "一丁", 0, "1", 1, ""), Pair("一二", "一二", 1, "2", 2, "")]
    loose = [Pair("一二", "一二", 1, "3", 1, "")]
    found = {task.task: task for task in score_split(matcher, {"ssB": strict, "ssA": loose})}
    texts = [(pair.text0, pair.text1) for pair in strict]
    np.testing.assert_allclose(found["ssB"].looser["ssA"], matcher.logits(texts, task="ssA"), rtol=1e-6)
    assert list(found["ssA"].looser) == []
