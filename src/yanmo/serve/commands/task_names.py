"""How every verb understands ``--task``: repeated, with commas, or ``all``; the same as every function does."""

from ...data.named_tasks import ALL_TASKS, task_names

__all__ = ["ALL_TASKS", "task_names"]
