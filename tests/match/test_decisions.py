import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

from yanmo.data.tasks import Task, TaskSet
from yanmo.errors import InputError
from yanmo.match.decisions import FORMAT_VERSION, Calibration, Decision, MatchingFile


def matching(**changes):
    tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict")))
    rule = Decision(
        threshold=0.3, calibration=Calibration(scale=0.5, bias=-1.0), n_examples=40, f1=0.7, interval=(0.6, 0.8)
    )
    return MatchingFile(task_set=tasks, decisions={"strict": rule}, **changes)


@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (0.25, 0.0), (3.0, -2.0)])
def test_probabilities_are_the_logistic_function(scale, bias):
    logits = [-6.0, -0.5, 0.0, 1.25, 4.0]
    expected = [1.0 / (1.0 + math.exp(-(scale * z + bias))) for z in logits]
    found = Calibration(scale=scale, bias=bias).probabilities(logits)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_probabilities_at_the_ends():
    found = Calibration().probabilities(np.array([[-1e30, -100.0], [100.0, 1e30]], dtype=np.float32))
    assert found.tolist()[0][0] == 0.0
    assert found[0, 1] == pytest.approx(math.exp(-100.0))
    assert found[1].tolist() == [1.0, 1.0]
    assert Calibration().probabilities([]).shape == (0,)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_calibration_never_turns_the_order_round(scale):
    with pytest.raises(ValidationError):
        Calibration(scale=scale)


def test_a_pair_on_the_threshold_matches():
    logits = np.linspace(-3, 3, 101, dtype=np.float32)
    calibration = Calibration(scale=1.7, bias=0.3)
    for probability in calibration.probabilities(logits):
        rule = Decision(threshold=float(probability), calibration=calibration)
        expected = calibration.probabilities(logits) >= probability
        assert rule.decide(logits).tolist() == expected.tolist()


@pytest.mark.parametrize("interval", [(0.8, 0.6), (-0.1, 0.5), (0.5, 1.5)])
def test_an_interval_is_one(interval):
    with pytest.raises(ValidationError, match="interval"):
        Decision(interval=interval)


def test_file_comes_back_as_it_went(tmp_path):
    model = {
        "layout": "joint",
        "joint_from": 6,
        "condition_width": 128,
        "conditioned_layers": [0, 1],
        "prefix": "query: ",
    }
    file = matching(model=model, training={"data": "ab" * 32, "versions": {"numpy": "2"}})
    path = file.save(tmp_path / "model")
    assert path == tmp_path / "model" / "matching.json"
    assert MatchingFile.load(tmp_path / "model") == file
    assert [entry.name for entry in (tmp_path / "model").iterdir()] == ["matching.json"]


def test_file_is_readable_by_people(tmp_path):
    tasks = TaskSet(name="一", tasks=(Task(name="x", title="同一事件"),))
    assert "同一事件" in MatchingFile(task_set=tasks).save(tmp_path).read_text(encoding="utf-8")


def test_decisions_of_tasks():
    file = matching()
    assert file.decision("strict").threshold == 0.3
    assert file.decision("loose") == Decision()
    with pytest.raises(InputError, match="loose, strict"):
        file.decision("medium")


def test_decisions_for_unknown_tasks_are_refused():
    with pytest.raises(ValidationError, match=r"unknown tasks medium.*loose, strict"):
        MatchingFile(task_set=matching().task_set, decisions={"medium": Decision()})


def damaged(tmp_path, change):
    path = matching().save(tmp_path)
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(change(values), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        MatchingFile.load(tmp_path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_damaged_files(tmp_path):
    assert "not valid JSON" in damaged(tmp_path, lambda values: json.dumps(values)[:-20])
    assert "task_set: Field required" in damaged(tmp_path, lambda values: '{"format_version": 1}')
    assert "decisions.strict.threshold" in damaged(
        tmp_path, lambda values: json.dumps(values).replace('"threshold": 0.3', '"threshold": 3')
    )
    newer = damaged(tmp_path, lambda values: json.dumps({**values, "format_version": FORMAT_VERSION + 1, "new": 1}))
    assert "pip install -U yanmo" in newer


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="folder of a matcher"):
        MatchingFile.load(tmp_path)
