"""A standard learned from a few pairs: what it finds, what it leaves alone, what it refuses."""

import numpy as np
import pytest

import yanmo
from yanmo.data.edits import DifferenceKind
from yanmo.errors import InputError
from yanmo.match import Matcher
from yanmo.match.verdicts import verdicts
from yanmo.standard import learn_standard, remove_standard
from yanmo.standard.expected_f1 import expected_f1_threshold
from yanmo.standard.learn import learn_with_report

# Characters that the tokenizers of both tiny matchers know.
SAME = [(text, text) for text in ("今不公", "们公", "不", "公今", "们不")]
OTHER = [("今不", "们公"), ("公", "今"), ("不们", "公"), ("今", "们不"), ("公们", "今")]
PAIRS, LABELS = SAME + OTHER, [1] * 5 + [0] * 5


def learned(matcher, **given):
    return learn_standard(matcher, PAIRS, LABELS, **{"name": "同", **given})


def test_it_tells_the_kinds_apart_and_says_how_it_was_learned(overlap_matcher):
    found = learned(overlap_matcher[0], title="相同", asks="两段相同")
    assert found.decide(PAIRS, task="同").tolist() == [True] * 5 + [False] * 5
    probabilities = found.score(PAIRS, task="同")
    assert probabilities[:5].min() > 0.7
    assert probabilities[5:].max() < 0.3
    how = found.matching.learned["同"]
    assert (how.n_pairs, how.n_matches, how.expected_accuracy) == (10, 5, 1.0)
    assert set(how.sources) <= set(overlap_matcher[0].matching.task_set.names)
    assert found.matching.task_set.task("同").asks == "两段相同"
    assert yanmo.learn_standard is learn_standard


def test_the_matcher_it_came_from_is_left_alone(overlap_matcher):
    matcher, before = overlap_matcher[0], overlap_matcher[0].matching.model_dump()
    found = learned(matcher)
    assert matcher.matching.model_dump() == before
    for task in before["task_set"]["tasks"]:
        assert np.array_equal(found.score(PAIRS, task=task["name"]), matcher.score(PAIRS, task=task["name"]))


def test_vectors_are_read_where_there_are_some(exported, tmp_path):
    found = learned(Matcher.from_pretrained(exported[1]))
    head = found.engine.heads["同"]
    assert head.reads_vectors
    assert found.decide(PAIRS, task="同").mean() == 0.5
    found.save_pretrained(tmp_path / "mine")
    again = Matcher.from_pretrained(tmp_path / "mine")
    assert np.array_equal(again.score(PAIRS, task="同"), found.score(PAIRS, task="同"))
    assert (tmp_path / "mine" / "learned.json").stat().st_size < 100_000


def test_learning_twice_gives_two_standards_and_removing_one_leaves_the_other(overlap_matcher):
    both = learned(learned(overlap_matcher[0]), name="又")
    assert both.matching.task_set.names[-2:] == ("同", "又")
    left = remove_standard(both, name="同")
    assert left.matching.task_set.names[-1] == "又"
    assert np.array_equal(left.score(PAIRS, task="又"), both.score(PAIRS, task="又"))
    none = remove_standard(left, name="又")
    assert none.matching.model_dump() == overlap_matcher[0].matching.model_dump()
    assert none.engine is overlap_matcher[0].engine


def test_grades_make_ordered_standards(overlap_matcher):
    near = [("今不公", "今不"), ("们公", "公"), ("公今不", "公今")]
    found = learn_standard(
        overlap_matcher[0], [*SAME, *near, *OTHER], [2] * 5 + [1] * 3 + [0] * 5, name="级", graded=True
    )
    assert found.matching.task_set.names[-2:] == ("级_1", "级_2")
    assert found.matching.task_set.task("级_2").implies == "级_1"
    assert found.matching.learned["级_1"].sources == found.matching.learned["级_2"].sources
    loose, strict = (found.decide([*SAME, *OTHER], task=name) for name in ("级_1", "级_2"))
    assert not (strict & ~loose).any()
    assert loose.tolist() == strict.tolist() == [True] * 5 + [False] * 5
    with pytest.raises(InputError, match="implies '级_1'"):
        remove_standard(found, name="级_1")


def test_a_strict_verdict_never_contradicts_the_loose_one(overlap_matcher):
    found = learn_standard(overlap_matcher[0], PAIRS, [2, 2, 2, 1, 1, 0, 0, 0, 1, 1], name="级", graded=True)
    given = {"级_1": np.array([-5.0, 5.0]), "级_2": np.array([5.0, 5.0])}
    assert verdicts(found.matching, given)["级_2"].accepted.tolist() == [False, True]


def test_labels_of_a_file_are_read_again_by_the_standard(overlap_matcher):
    words = ["是"] * 5 + ["否"] * 5
    task = learn_standard(overlap_matcher[0], PAIRS, words, name="同").matching.task_set.task("同")
    assert (task.label_of("是"), task.label_of("否"), task.label_of("1")) == (1, 0, None)


@pytest.mark.parametrize(
    ("pairs", "labels", "given", "says"),
    [
        ([], [], {}, "0 examples"),
        (PAIRS[:1], [1], {}, "1 example"),
        (SAME, [1] * 5, {}, "5 of them matches and 0 not"),
        (PAIRS, LABELS[:-1], {}, "10 pairs and 9 labels"),
        ([*PAIRS, ("今不公", "今不公")], [*LABELS, 0], {}, "one pair with two labels"),
        ([*PAIRS, ("今", " ")], [*LABELS, 0], {}, "example 11: the second text is empty"),
        (PAIRS, LABELS, {"name": "ssA"}, "has a standard 'ssA' already"),
        (PAIRS, LABELS, {"name": "a b"}, "cannot be a standard"),
        (PAIRS, LABELS, {"graded": True}, "2 grades"),
        (PAIRS, LABELS, {"graded": True, "match": ["1"]}, "not both"),
    ],
)
def test_what_cannot_be_learned_is_refused(overlap_matcher, pairs, labels, given, says):
    with pytest.raises(InputError, match=says):
        learn_standard(overlap_matcher[0], pairs, labels, **{"name": "同", **given})


def test_trained_and_unknown_standards_cannot_be_removed(overlap_matcher):
    with pytest.raises(InputError, match="'ssA' was trained"):
        remove_standard(overlap_matcher[0], name="ssA")
    with pytest.raises(InputError, match="unknown task"):
        remove_standard(overlap_matcher[0], name="没有")


def test_the_service_answers_under_it(overlap_matcher, http_service):
    found = learned(overlap_matcher[0])
    pairs = [{"text0": a, "text1": b} for a, b in PAIRS]
    client = http_service(found)
    reply = client.post("/v1/decide", json={"pairs": pairs, "tasks": ["同", "ssB"]})
    assert reply.status_code == 200, reply.text
    by_task = [{name: each["match"] for name, each in row["tasks"].items()} for row in reply.json()["results"]]
    assert [row["同"] for row in by_task] == [True] * 5 + [False] * 5
    assert [row["ssB"] for row in by_task] == overlap_matcher[0].decide(PAIRS, task="ssB").tolist()
    assert client.get("/v1/tasks").json()["tasks"][-1]["name"] == "同"


def test_details_that_must_agree_are_declared_suggested_and_checked_against_the_examples(overlap_matcher):
    alike = [(f"{text}三人", f"{text}五人") for text in ("今不公", "们公", "不今")]
    pairs, labels = PAIRS + alike, [*LABELS, 0, 0, 0]
    plain, report = learn_with_report(overlap_matcher[0], pairs, labels, name="同")
    assert any("--details number" in line for line in report.lines)
    assert plain.matching.task_set.task("同").details == ()
    found, report = learn_with_report(overlap_matcher[0], pairs, labels, name="同", details="number,date")
    assert found.matching.task_set.task("同").details == (DifferenceKind.NUMBER, DifferenceKind.DATE)
    assert not any("--details" in line for line in report.lines)
    assert found.score(alike, task="同").tolist() == [0, 0, 0]
    _, report = learn_with_report(overlap_matcher[0], pairs, [*LABELS, 1, 0, 0], name="同", details="all")
    assert any("今不公三人 / 今不公五人" in line for line in report.lines)
    with pytest.raises(InputError, match="'number', 'date'"):
        learned(overlap_matcher[0], details="numbers")


def test_pairs_without_labels_choose_the_threshold_where_there_are_enough(overlap_matcher):
    characters = "今不公们天气错我去学生园"
    rng = np.random.default_rng(0)
    more = [tuple("".join(rng.choice([*characters], 3)) for _ in "ab") for _ in range(200)]
    assert learned(overlap_matcher[0], unlabelled=more[:20]).matching.decision("同").threshold == 0.5
    found = learned(overlap_matcher[0], unlabelled=more)
    probabilities = found.score(more, task="同").astype(np.float64)
    assert found.matching.decision("同").threshold == pytest.approx(expected_f1_threshold(probabilities)[0], abs=1e-6)
    assert found.matching.decision("同").threshold != 0.5
