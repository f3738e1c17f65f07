"""Scores the longest input of every task once, so that a broken model is found before it serves anybody."""

import numpy as np

from ...errors import InputError
from ...match import Matcher

__all__ = ["warm_up"]


def warm_up(matcher: Matcher, *, name: str) -> None:
    """Scores one pair of long texts under every task.

    Args:
        matcher: The model.
        name: What the user calls it, for the message.

    Raises:
        InputError: It gives no numbers, or a task's budget is beyond the model's positions.
    """
    budgets = [task.budget for task in matcher.matching.task_set.tasks]
    text = "研墨" * max(max(budget.left, budget.right) for budget in budgets)
    for task, scores in matcher.score_all([(text, text)]).items():
        if not np.isfinite(scores).all():
            raise InputError(f"the model gives no number under the task '{task}', its weights are damaged", where=name)
