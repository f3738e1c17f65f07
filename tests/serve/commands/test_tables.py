import io

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from yanmo.data import TaskSet
from yanmo.evaluate import TaskScores, judge_stored
from yanmo.match import Decision
from yanmo.serve.commands.tables import detail_lines, judgement_table


@pytest.fixture(scope="module")
def judged():
    """Of eight tasks, some with a base rate."""
    rng = np.random.default_rng(0)
    tasks = [
        TaskScores(task.name, task.standard, rng.integers(0, 2, size=60), rng.normal(size=60), base_rate=task.base_rate)
        for task in TaskSet.load("standards").tasks[:8]
    ]
    return judge_stored(tasks, {task.task: Decision(threshold=0.7) for task in tasks}, n_bootstrap=20)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_whatever_the_width_numbers_are_whole(judged, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(judgement_table(judged, width=width))
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    told = "".join("".join(lines).split())
    for header in ("任务", "F1", "AUC", "95%区间", "阈值", "精确率", "F1@比例"):
        assert header in told  # as a column, or among those left out


def test_pairs_that_a_detail_turns_down_are_counted_where_there_are_any():
    labels, logits = np.array([1, 0, 1]), np.zeros(3)
    plain = TaskScores("ssA", "A", labels, logits)
    apart = {"ssB": np.array([True, True, False])}
    declared = TaskScores("ssB", "B", labels, logits, apart=apart)
    nobody = TaskScores("llB", "B", labels, logits, apart={"llB": np.zeros(3, dtype=bool)})
    (line,) = detail_lines([plain, declared, nobody])
    assert line == "ssB：2 对只差一处声明了的细节，不论分数都不算匹配；其中标为匹配的 1 对"
