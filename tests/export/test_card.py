import pytest

from yanmo.data import Budget, Task, TaskSet, Windows
from yanmo.export.card import Card
from yanmo.match import MatchingFile
from yanmo.tokenize import TextNormalization


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        (None, "`Matcher` 还保留结尾，分数因此不同"),
        (Windows(pool="max"), "`Matcher` 分至多 4 窗来读、取各窗的最大值，阈值也按它选定，分数因此不同"),
        (Windows(pool="mean", at_most=8), "`Matcher` 分至多 8 窗来读、取各窗的平均值，阈值也按它选定，分数因此不同"),
    ],
)
def test_one_tasks_card_says_what_becomes_of_longer_texts(windows, words):
    matching = MatchingFile(
        task_set=TaskSet(name="one", tasks=(Task(name="sl", budget=Budget(left=9, windows=windows)),))
    )
    text = Card("run", "float32", matching, "sl", False, "", None, 0.5).text()
    assert words in text
    assert "预算（左 9、右 128 个 token）以内" in text


def test_one_tasks_card_names_the_steps_that_other_programs_do_not_take():
    tasks = TaskSet(name="one", tasks=(Task(name="sl"),))

    def card(matching, task):
        return Card("run", "float32", matching, task, False, "", None, 0.5).text()

    steps = TextNormalization(to_simplified=False)
    text = card(MatchingFile(task_set=tasks, normalization=steps), "sl")
    assert "看不见的字符" in text
    assert "`</s>`" in text
    assert "繁体" not in text
    # An export that Yanmo scores takes the steps, and a matcher without any has none to name.
    assert "这里没有的步骤" not in card(MatchingFile(task_set=tasks, normalization=steps), None)
    assert "这里没有的步骤" not in card(MatchingFile(task_set=tasks), "sl")
