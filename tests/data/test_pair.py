import pytest

from yanmo.data.columns import Columns
from yanmo.data.lines import Flaw
from yanmo.data.pair import Pair, PairRule
from yanmo.data.tasks import Task

COLUMNS = Columns("a", "b", label="labelA", id="id")
TASK = Task(name="ssA", column="labelA")
GOOD = {"a": "甲", "b": "乙", "labelA": "1", "id": 7}


def apply(changes, rule=None):
    values = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return (rule or PairRule("f", COLUMNS, task=TASK)).apply(values, line=3)


@pytest.mark.parametrize(
    ("value", "label"), [("0", 0), (0, 0), (0.0, 0), (False, 0), ("1", 1), (1, 1), ("1.0", 1), (True, 1)]
)
def test_labels_in_every_spelling(value, label):
    assert apply({"labelA": value}) == Pair("甲", "乙", label, "7", 3, "f")


@pytest.mark.parametrize(("value", "expected"), [(7, "7"), ("007", "007"), (None, None), (..., None)])
def test_ids_are_kept_as_they_stand(value, expected):
    assert apply({"id": value}).id == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labelA": "2"}, "label '2' is not among those of task 'ssA': 1 (match) or 0 (no match)"),
        ({"labelA": ...}, "there is no label 'labelA' (columns found: a, b, id)"),
        ({"labelA": None}, "the label 'labelA' is empty"),
        ({"labelA": " "}, "the label 'labelA' is empty"),
        ({"labelA": [1]}, "label '[1]' is not"),
        ({"a": ...}, "there is no text 'a' (columns found: b, labelA, id)"),
        ({"b": ...}, "there is no text 'b'"),
        ({"a": 3}, "the text 'a' is a number, not text"),
        ({"b": None}, "the text 'b' is null, not text"),
        ({"b": ["乙"]}, "the text 'b' is a list, not text"),
        ({"a": ""}, "the text 'a' is empty"),
        ({"b": " \n\u3000"}, "the text 'b' is empty"),
        ({"b": "乙\ud83d"}, "the text 'b' holds half a surrogate pair"),
        ({"id": "\ud83d"}, "the id 'id' holds half a surrogate pair"),
        ({"id": {"a": 1}}, "the id 'id' is an object, not a text or a number"),
        ({"id": [1]}, "the id 'id' is a list, not a text or a number"),
    ],
)
def test_flaws(changes, words):
    flaw = apply(changes)
    assert isinstance(flaw, Flaw)
    assert words in flaw.reason
    assert flaw.fix


def test_without_labels_empty_texts_pass_and_other_flaws_stay():
    rule = PairRule("f", COLUMNS)
    assert apply({"a": "", "labelA": "2"}, rule) == Pair("", "乙", None, "7", 3, "f")
    assert isinstance(apply({"a": 3}, rule), Flaw)
    assert isinstance(apply({"a": "\udc00"}, rule), Flaw)


def test_an_id_asked_for_is_required():
    rule = PairRule("f", COLUMNS, id_required=True)
    assert "no id in 'id'" in apply({"id": None}, rule).reason


def test_rows_of_other_tasks_are_theirs():
    rule = PairRule("f", COLUMNS, task=TASK, other_labels=("labelB",))
    assert apply({"labelA": None, "labelB": 0}, rule) is None
    assert apply({"labelA": ..., "labelB": "1"}, rule) is None
    assert apply({"labelA": "1", "labelB": "0"}, rule).label == 1
    assert "is empty" in apply({"labelA": None, "labelB": None}, rule).reason
    assert "'2' is not" in apply({"labelA": "2", "labelB": "0"}, rule).reason
