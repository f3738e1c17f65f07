import json

import pytest

from yanmo.data import Budget, Task, TaskSet, WindowPool, Windows
from yanmo.errors import InputError
from yanmo.match import MatchingFile
from yanmo.tokenize import PairBudget, WindowPlan

SET = "name: long\ntasks:\n  - name: sl\n    budget:\n      left: 16\n      windows: {windows}\n"


def _load(tmp_path, windows):
    path = tmp_path / "tasks.yaml"
    path.write_text(SET.replace("{windows}", windows), encoding="utf-8")
    return TaskSet.load(path)


def test_windows_are_read_from_the_task_file_and_reach_the_pair_encoder(tmp_path):
    budget = _load(tmp_path, "{pool: mean, at_most: 6, overlap: 0.5}").task("sl").budget
    assert budget.windows == Windows(pool=WindowPool.MEAN, at_most=6, overlap=0.5)
    assert budget.of_pairs == PairBudget(16, 128, head=0.75, windows=WindowPlan(6, 0.5))
    assert _load(tmp_path, "{pool: max}").task("sl").budget.of_pairs.windows == WindowPlan(4, 0.25)
    assert Budget().of_pairs == PairBudget(128, 128)


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ("{at_most: 4}", "pool: Field required"),
        ("{pool: median}", "'max' or 'mean'"),
        ("{pool: max, at_most: 1}", "greater than or equal to 2"),
        ("{pool: max, at_most: 65}", "less than or equal to 64"),
        ("{pool: max, overlap: 1}", "less than or equal to 0.9"),
        ("{pool: max, stride: 3}", "stride"),
        ("max", "windows"),
    ],
)
def test_wrong_windows_are_refused_with_their_line(tmp_path, windows, words):
    with pytest.raises(InputError) as caught:
        _load(tmp_path, windows)
    assert str(caught.value).startswith(f"{tmp_path / 'tasks.yaml'}:6: ")
    assert words in str(caught.value)


def test_windows_travel_in_the_matching_file(tmp_path):
    matching = MatchingFile(task_set=_load(tmp_path, "{pool: max}"))
    matching.save(tmp_path)
    written = json.loads((tmp_path / "matching.json").read_text())["task_set"]["tasks"][0]["budget"]
    assert written["windows"] == {"pool": "max", "at_most": 4, "overlap": 0.25}
    assert MatchingFile.load(tmp_path) == matching


def test_a_task_without_windows_says_what_it_said_before_there_were_any():
    assert Budget().model_dump(mode="json") == {"left": 128, "right": 128, "head": 0.75}
    assert "windows" not in MatchingFile(task_set=TaskSet.load("sohu")).model_dump_json()


def test_windows_change_the_fingerprint():
    def fingerprint(windows):
        task = Task(name="sl", budget=Budget(windows=windows))
        return TaskSet(name="long", tasks=(task,)).fingerprint()

    found = [fingerprint(windows) for windows in (None, Windows(pool="max"), Windows(pool="mean"))]
    assert len(set(found)) == 3
