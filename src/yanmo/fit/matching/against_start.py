"""How each task ranked its validation pairs before the first step, and which ended a run below that."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...evaluate import TaskScores, roc_auc

__all__ = ["below_start", "start_areas"]


def start_areas(history: Path) -> dict[str, float]:
    """Reads what a run's evaluation at step 0 said.

    Args:
        history: The run's evaluations, JSON lines; need not exist.

    Returns:
        AUC of each task; empty where the run was not evaluated before its first step.
    """
    lines = history.read_text(encoding="utf-8").splitlines() if history.exists() else []
    first: dict[str, Any] = next((entry for entry in map(json.loads, lines) if entry["step"] == 0), {"tasks": {}})
    return {name: task["auc"] for name, task in first["tasks"].items() if task["auc"] is not None}


def below_start(start: Mapping[str, float], ended: Sequence[TaskScores]) -> list[str]:
    """Names the tasks that rank worse than they did at the start.

    Args:
        start: AUC of each task at step 0.
        ended: Labels and logits of each task with the weights that are kept.

    Returns:
        A sentence for each of them; equal to four digits is not below.

    Example:
        >>> import numpy as np
        >>> ended = TaskScores("ssA", "A", np.array([True, False, True]), np.array([0.1, 0.2, 0.3], dtype=np.float32))
        >>> below_start({"ssA": 1.0}, [ended])
        ['注意：任务 ssA 的 AUC 训练后是 0.5000，低于训练前的 1.0000']
    """
    lines = []
    for task in ended:
        before, now = start.get(task.task), roc_auc(task.labels, task.logits)
        if before is not None and now is not None and round(now, 4) < round(before, 4):
            lines.append(f"注意：任务 {task.task} 的 AUC 训练后是 {now:.4f}，低于训练前的 {before:.4f}")
    return lines
