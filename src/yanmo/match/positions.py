"""Budgets against the encoder's positions: what a task may ask for must be there before the first long pair comes."""

from pathlib import Path

from ..data import TaskSet
from ..errors import InputError
from ..tokenize import PairEncoder

__all__ = ["check_positions"]


def check_positions(task_set: TaskSet, encoder: PairEncoder, *, n_positions: int | None, where: Path) -> None:
    """Makes sure that the longest input of every task has positions.

    Args:
        task_set: The tasks.
        encoder: How pairs become inputs.
        n_positions: Positions that the encoder has; None where they have no end.
        where: The file or folder to name.

    Raises:
        InputError: A task's budget goes beyond them.
    """
    if n_positions is None:
        return
    for task in task_set.tasks:
        longest = encoder.longest(task.pair_budget)
        if longest > n_positions:
            raise InputError(
                f"the budget of task '{task.name}', {task.budget.left} and {task.budget.right} tokens, makes inputs of "
                f"{longest} positions, the encoder has {n_positions}",
                where=where,
                fix=f"lower left and right of its budget by {longest - n_positions} together",
            )
