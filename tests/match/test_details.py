"""A standard that declares details turns down what differs in them, whatever its score; nobody else does."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from yanmo.data import Pair, Task, TaskSet
from yanmo.data.edits import DifferenceKind
from yanmo.errors import InputError
from yanmo.evaluate import fit_decisions, score_split
from yanmo.match import Decision, Matcher, MatchingFile
from yanmo.match.details import PairDetails
from yanmo.match.verdicts import declared_details, open_scores, verdicts
from yanmo.tokenize import TextNormalization

NUMBER, OTHER, SAME = ("气温升至35度", "气温升至25度"), ("北京明天有雨", "上海明天有雨"), ("怎么退款", "如何退款")
PAIRS = [NUMBER, OTHER, SAME]
SURE = [9.0, 9.0, 9.0]
SET = TaskSet(
    name="s",
    tasks=(
        Task(name="strict", implies="loose", details=["number"]),
        Task(name="loose"),
        Task(name="all", details="all"),
    ),
)


def _details(pairs=PAIRS, **steps):
    return PairDetails(pairs.__getitem__, TextNormalization(**steps))


def test_only_the_standard_that_declares_a_detail_turns_it_down():
    found = verdicts(MatchingFile(task_set=SET), dict.fromkeys(SET.names, SURE), details=_details())
    assert found["loose"].accepted.tolist() == [True, True, True]
    assert found["strict"].accepted.tolist() == [False, True, True]
    assert found["all"].accepted.tolist() == [False, False, True]
    assert found["strict"].is_apart.tolist() == [True, False, False]
    assert found["strict"].probabilities[0] == 0
    assert found["loose"].probabilities[0] > 0.99


def test_what_a_loose_standard_turns_down_for_a_detail_no_strict_one_accepts():
    tasks = TaskSet(name="s", tasks=(Task(name="strict", implies="loose"), Task(name="loose", details=["number"])))
    found = verdicts(MatchingFile(task_set=tasks), {"strict": SURE, "loose": SURE}, details=_details())
    assert found["strict"].accepted.tolist() == [False, True, True]
    assert (found["strict"].probabilities <= found["loose"].probabilities).all()


def test_a_strict_standard_says_why_also_where_the_looser_one_declares_the_same():
    tasks = TaskSet(
        name="s", tasks=(Task(name="strict", implies="loose", details="all"), Task(name="loose", details="all"))
    )
    found = verdicts(MatchingFile(task_set=tasks), {"strict": SURE, "loose": SURE}, details=_details())
    assert found["strict"].is_apart.tolist() == found["loose"].is_apart.tolist() == [True, True, False]
    assert declared_details(SET, "strict") == {DifferenceKind.NUMBER}


def test_no_threshold_accepts_it_and_nobody_is_asked():
    rule = Decision(threshold=0.0, ask_above=0.0, ask_below=1.1)
    matching = MatchingFile(task_set=SET, decisions={"strict": rule})
    verdict = verdicts(matching, dict.fromkeys(SET.names, SURE), details=_details())["strict"]
    assert verdict.answers.tolist() == ["0", "?", "?"]
    logits = dict.fromkeys(SET.names, SURE)
    scores = open_scores(matching, logits, task="strict", is_blank=[False] * 3, details=_details())
    assert scores.tolist() == pytest.approx([-1, 0.99988, 0.99988], abs=1e-5)


def test_details_are_looked_for_only_where_the_score_says_that_it_may_match():
    asked = []

    def texts_of(row):
        asked.append(row)
        return PAIRS[row]

    logits = {name: [9.0, -9.0, 9.0] for name in SET.names}
    details = PairDetails(texts_of, TextNormalization())
    found = verdicts(MatchingFile(task_set=SET), logits, details=details)
    assert asked == [0, 2]  # each once, for both standards that declare some
    assert found["all"].probabilities[1] > 0
    assert details.said(0, [DifferenceKind.NUMBER]) == ["数字 35度→25度"]
    assert details.said(0, [DifferenceKind.DATE]) == []


def test_details_are_read_as_the_matcher_reads_texts():
    hidden = [("气温升至3\u200b5度", "气溫升至25度")]
    matching = MatchingFile(task_set=SET)
    for steps, apart in (({}, True), ({"drop_invisible": False, "to_simplified": False}, False)):
        found = verdicts(matching, {name: [9.0] for name in SET.names}, details=_details(hidden, **steps))
        assert found["strict"].is_apart.tolist() == [apart]


def test_a_matcher_decides_ranks_and_is_judged_by_its_details(tiny_matcher, tmp_path):
    plain = tiny_matcher()
    task, *others = plain.matching.task_set.tasks
    declared = task.model_copy(update={"details": (DifferenceKind.NUMBER,)})
    tasks = plain.matching.task_set.model_copy(update={"tasks": (declared, *others)})
    rules = {name: Decision(threshold=0.0) for name in tasks.names}
    matching = plain.matching.model_copy(update={"task_set": tasks, "decisions": rules})
    matcher = Matcher(plain.engine, plain.pair_encoder, matching)
    matcher.save_pretrained(tmp_path / "m")
    for each in (matcher, Matcher.from_pretrained(tmp_path / "m")):
        assert each.decide(PAIRS, task=task.name).tolist() == [False, True, True]
        assert each.decide(PAIRS, task=task.name, ask=0.5)[0] == "0"
        assert each.score(PAIRS, task=task.name)[0] == 0
        assert each.rank(NUMBER[0], [NUMBER[1], "学生"], task=task.name)[-1].document == NUMBER[1]
        assert (each.logits(PAIRS, task=task.name) == plain.logits(PAIRS, task=task.name)).all()
    pairs = [Pair(*texts, label, None, 1, "a.csv") for texts in PAIRS for label in (0, 1)]
    (scores,) = score_split(matcher, {task.name: pairs})
    assert scores.apart[task.name].tolist() == [True, True, False, False, False, False]
    rules, judgement = fit_decisions([scores])
    assert judgement.tasks[task.name].recall < 1  # a match among them cannot be found
    assert np.isfinite(rules[task.name].threshold)


def test_details_are_given_and_taken_away_by_name(tiny_matcher):
    plain = tiny_matcher()
    name = plain.matching.task_set.names[0]
    declared = plain.with_details(["number", DifferenceKind.DATE], task=name)
    assert declared.matching.task_set.task(name).details == (DifferenceKind.NUMBER, DifferenceKind.DATE)
    assert declared.with_details([], task=name).matching == plain.matching
    with pytest.raises(InputError, match="'number', 'date'"):
        plain.with_details(["numbers"], task=name)


def test_a_set_says_nothing_of_details_where_it_declares_none():
    bare = TaskSet(name="s", tasks=(Task(name="loose"),))
    assert "details" not in json.loads(bare.model_dump_json())["tasks"][0]
    assert json.loads(SET.model_dump_json())["tasks"][0]["details"] == ["number"]
    assert TaskSet.model_validate_json(SET.model_dump_json()) == SET
    assert SET.task("all").details == tuple(DifferenceKind) == Task(name="t", details=["all"]).details
    assert Task(name="t", details="number,date,number").details == (DifferenceKind.NUMBER, DifferenceKind.DATE)


def test_an_unknown_detail_is_refused_by_name(tmp_path):
    with pytest.raises(ValidationError, match="'number', 'date'"):
        Task(name="t", details=["numbers"])
    (tmp_path / "t.yaml").write_text("name: t\ntasks:\n  - name: a\n    details: [numbers]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.yaml.*details"):
        TaskSet.load(tmp_path / "t.yaml")
