"""Class balance of each task: the bias it starts from, and the weight of a match that evens out both classes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import chosen
from .config import ClassWeighting
from .examples import Examples

__all__ = ["log_odds", "positive_weights"]


def log_odds(examples: Examples, n_tasks: int) -> Float[Tensor, " tasks"]:
    """Gives the logit that answers each task's training labels best without looking at the texts.

    Args:
        examples: The training pairs.
        n_tasks: Number of tasks.

    Returns:
        ``log((n_match + 1) / (n_other + 1))`` of each task.
    """
    odds = torch.zeros(n_tasks)
    for task in range(n_tasks):
        labels = examples.labels[examples.tasks == task]
        n_positive = float(labels.sum())
        odds[task] = float(np.log((n_positive + 1) / (len(labels) - n_positive + 1)))
    return odds


def positive_weights(examples: Examples, n_tasks: int, *, weighting: ClassWeighting | str) -> Float[Tensor, " tasks"]:
    """Gives the weight of a match in the loss of each task.

    Args:
        examples: The training pairs.
        n_tasks: Number of tasks.
        weighting: Whether both classes are to weigh the same.

    Returns:
        ``(n_other + 1) / (n_match + 1)`` of each task where they are, 1 otherwise.
    """
    weighting = chosen(ClassWeighting, weighting, name="weighting")
    weights = torch.ones(n_tasks)
    if weighting is ClassWeighting.BALANCED:
        for task in range(n_tasks):
            labels = examples.labels[examples.tasks == task]
            n_positive = float(labels.sum())
            weights[task] = (len(labels) - n_positive + 1) / (n_positive + 1)
    return weights
