"""``yanmo.evaluate``: one labelled table, several standards, two matchers on one set."""

import json

import numpy as np
import pytest

import yanmo
from yanmo.api import compare
from yanmo.data import Budget, Task
from yanmo.errors import InputError

ROWS = [
    ("一丁七", "一丁七", 1),
    ("三上", "不与", 0),
    ("一丁", "一上", 0),
    ("一", "一", 1),
    ("七", "丁", 0),
    ("丁", "丁", 1),
]


@pytest.fixture
def matcher(overlap_matcher):
    return overlap_matcher[0]


def _frame(**more):
    polars = pytest.importorskip("polars")
    first, second, label = map(list, zip(*ROWS, strict=True))
    return polars.DataFrame({"text1": first, "text2": second} | dict.fromkeys(more.pop("labels", ()), label) | more)


def test_a_table_is_judged_under_every_standard_that_it_has_labels_of(matcher):
    found = yanmo.evaluate(matcher, _frame(labels=["ssA", "ssB"])).judgement.tasks
    assert list(found) == ["ssA", "ssB"]
    verdicts = matcher.judge([row[:2] for row in ROWS], tasks=["ssA", "ssB"])
    labels = np.array([row[2] for row in ROWS]) == 1
    for name, report in found.items():
        yes = verdicts[name].accepted
        assert report.f1 == pytest.approx(2 * (yes & labels).sum() / (yes.sum() + labels.sum()))


def test_whose_label_it_is_has_to_be_clear(matcher):
    with pytest.raises(InputError, match="label 'labelA' may be that of ssA, slA, llA"):
        yanmo.evaluate(matcher, _frame(labels=["labelA"]))
    assert list(yanmo.evaluate(matcher, _frame(labels=["labelA"]), tasks="slA").judgement.tasks) == ["slA"]
    with pytest.raises(InputError, match="no column holds the label of any task"):
        yanmo.evaluate(matcher, _frame(labels=["truth"]))
    assert list(yanmo.evaluate(matcher, _frame(labels=["truth"]), tasks="ssA", label="truth").judgement.tasks) == [
        "ssA"
    ]
    assert yanmo.evaluate(matcher, iter(ROWS), tasks="ssB").judgement.tasks["ssB"].n == len(ROWS)
    with pytest.raises(InputError, match="name the standard"):
        yanmo.evaluate(matcher, ROWS)


def test_splits_of_a_dict_and_of_a_saved_data_set(matcher, tmp_path):
    datasets = pytest.importorskip("datasets")
    parts = {"train": ROWS[:2], "dev": ROWS}
    assert yanmo.evaluate(matcher, parts, tasks="ssA").judgement.tasks["ssA"].n == len(ROWS)
    with pytest.raises(InputError, match="no split 'test', only train, dev"):
        yanmo.evaluate(matcher, parts, tasks="ssA", split="test")
    made = datasets.Dataset.from_dict(_frame(labels=["ssA"]).to_dict(as_series=False))
    datasets.DatasetDict(validation=made, train=made.select([0])).save_to_disk(tmp_path / "saved")
    assert yanmo.evaluate(matcher, tmp_path / "saved").judgement.tasks["ssA"].n == len(ROWS)


def test_a_data_set_of_the_hub_is_fetched_by_its_name(matcher, monkeypatch):
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict(_frame(labels=["ssA"]).to_dict(as_series=False))
    asked = []
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda name, config: ["train", "validation"])
    monkeypatch.setattr(datasets, "load_dataset", lambda *words, split: (asked.append((*words, split)), made)[1])
    assert yanmo.evaluate(matcher, "someone/pairs:news").judgement.tasks["ssA"].n == len(ROWS)
    assert asked == [("someone/pairs", "news", "validation")]

    def unreachable(name, config):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets, "get_dataset_split_names", unreachable)
    with pytest.raises(InputError, match=r"someone/pairs: is no file here.*no route"):
        yanmo.evaluate(matcher, "someone/pairs")


def test_graded_labels_get_rank_correlation_and_gain(matcher):
    tasks = [
        Task(name=task.name, positive=[2], negative=[0, 1], budget=Budget(left=32, right=32))
        for task in matcher.matching.task_set.tasks[:1]
    ]
    task_set = matcher.matching.task_set.model_copy(update={"tasks": tuple(tasks)})
    matcher.matching = matcher.matching.model_copy(update={"task_set": task_set, "decisions": {}})
    pairs = [("一丁七", "一丁七", 2), ("一丁七", "一丁", 1), ("一丁七", "上", 0), ("丁", "丁", 2), ("丁", "七", 0)]
    report = yanmo.evaluate(matcher, pairs).judgement.tasks["ssA"]
    assert (report.ndcg, report.n_queries) == (1.0, 2)
    # Scores rank as the overlaps 1, 2/3, 0, 1, 0: ranks 4.5, 3, 1.5, 4.5, 1.5, as those of the grades 2, 1, 0, 2, 0.
    assert report.spearman == pytest.approx(1.0)


def test_a_caveat_where_as_many_pairs_chose_the_threshold(matcher):
    decision = matcher.matching.decision("ssA").model_copy(update={"n_examples": 36})
    matcher.matching = matcher.matching.model_copy(update={"decisions": {"ssA": decision}})
    assert "ssA 的对数" in yanmo.evaluate(matcher, ROWS * 6, tasks="ssA").note
    assert not yanmo.evaluate(matcher, ROWS * 7, tasks="ssA").note
    assert not yanmo.evaluate(matcher, ROWS * 6, tasks="ssA", halves=True).note


def test_two_matchers_are_compared_on_the_same_pairs(matcher, tmp_path):
    first = yanmo.evaluate(matcher, ROWS * 20, tasks="ssB")
    (same,) = compare(first, first)
    assert (same.f1, same.f1_interval, same.n_changed, same.is_clear) == (0, (0, 0), 0, False)
    rule = matcher.matching.decision("ssB").model_copy(update={"threshold": 0.0})
    generous = matcher.matching.model_copy(update={"decisions": {"ssB": rule, "ssA": rule}})
    second = yanmo.evaluate(type(matcher)(matcher.engine, matcher.pair_encoder, generous), ROWS * 20, tasks="ssB")
    (found,) = compare(first, second)
    assert found.f1 == pytest.approx(second.judgement.tasks["ssB"].f1 - first.judgement.tasks["ssB"].f1)
    low, high = found.f1_interval
    assert low < found.f1 < high < 0
    assert (found.is_clear, found.n_changed, found.n_better) == (True, 60, 0)
    json.dumps(first.as_json())
    assert "ssB: F1" in str(first)
