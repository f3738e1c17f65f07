from yanmo.data import Pair, Task, TaskSet
from yanmo.fit.matching.implied import with_implied_labels

TASKS = TaskSet(name="news", tasks=(Task(name="loose"), Task(name="strict", implies="loose"), Task(name="other")))


def pair(text: str, label: int) -> Pair:
    return Pair("甲", text, label, None, 1, "a.txt")


def test_strict_matches_match_loosely_and_loose_failures_fail_strictly() -> None:
    training = {
        "loose": [pair("松配", 1), pair("松不", 0)],
        "strict": [pair("严配", 1), pair("严不", 0)],
        "other": [pair("旁", 1)],
    }
    made = with_implied_labels(training, TASKS)
    assert made["loose"] == [*training["loose"], pair("严配", 1)]
    assert made["strict"] == [*training["strict"], pair("松不", 0)]
    assert made["other"] == training["other"]


def test_a_label_of_its_own_stands_even_where_it_contradicts() -> None:
    training = {"loose": [pair("同", 0)], "strict": [pair("同", 1)]}
    assert with_implied_labels(training, TASKS) == training


def test_a_task_without_pairs_gets_none() -> None:
    training = {"strict": [pair("严配", 1)]}
    assert with_implied_labels(training, TASKS) == training
