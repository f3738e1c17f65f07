import numpy as np
import pytest

from yanmo.data import Pair, Task, TaskSet
from yanmo.errors import InputError
from yanmo.evaluate import measure_consistency, score_split
from yanmo.match import MatchingFile
from yanmo.match.matcher import Matcher


class _Known(Matcher):
    """A matcher whose logits are written in the first text, one for each task."""

    def __init__(self):
        tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict", implies="loose")))
        self.matching = MatchingFile(task_set=tasks)
        self.scored = []

    def logits(self, pairs, *, task):
        index = self.matching.task_set.index(task)
        return np.array([float(text.split()[index]) for text, _ in pairs], dtype=np.float32)

    def rows(self, pairs, *, tasks):
        self.scored.extend((pair, task) for pair in pairs for task in tasks)
        return pairs, tasks

    def logits_of(self, rows):
        pairs, tasks = rows
        return {task: self.logits(pairs, task=task) for task in tasks}


def _pairs(*texts, label=1):
    return [Pair(text, "x", label, None, i + 1, "f") for i, text in enumerate(texts)]


def test_contradictions_are_counted_once_for_each_distinct_pair():
    split = {"loose": _pairs("2 1", "-1 3"), "strict": _pairs("-1 3", "1 -2", "-3 -4")}
    (found,) = measure_consistency(_Known(), score_split(_Known(), split))
    assert (found.strict, found.loose, found.n) == ("strict", "loose", 4)
    assert (found.n_strict, found.n_contradictions) == (2, 1)
    assert found.higher == 0.25
    # Spearman's formula, ranks loose 3 1 2 0 and strict 2 3 1 0.
    assert found.correlation == pytest.approx(1 - 6 * (1 + 4 + 1 + 0) / (4 * 15))


def test_tasks_without_pairs_are_not_compared():
    assert measure_consistency(_Known(), score_split(_Known(), {"strict": _pairs("1 1")})) == []


def test_scores_keep_the_order_of_the_pairs():
    pairs = _pairs("1 5", "222222 6", "3 7")
    (scores,) = score_split(_Known(), {"strict": pairs})
    assert scores.logits.tolist() == [5, 6, 7]
    with pytest.raises(InputError, match="without a label"):
        score_split(_Known(), {"strict": _pairs("1 1", label=None)})


def test_a_pair_is_scored_once_under_all_that_ask_for_it():
    matcher, told = _Known(), []
    loose, strict = _pairs("2 1", "-1 3", "2 1"), _pairs("-1 3", "5 6")
    scores = score_split(matcher, {"strict": strict, "loose": loose}, on_progress=told.append)
    assert sorted(matcher.scored) == sorted(set(matcher.scored))
    assert {pair[0] for pair, task in matcher.scored if task == "strict"} == {"-1 3", "5 6"}
    assert sum(told) == 5
    assert [task.logits.tolist() for task in scores] == [[3, 6], [2, -1, 2]]
    assert scores[0].looser["loose"].tolist() == [-1, 5]
    assert scores[1].looser == {}
