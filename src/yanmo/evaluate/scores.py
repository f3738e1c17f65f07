"""The input of evaluation: the labels and the logits of one task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.pair import Pair
from ..errors import InputError
from ..match.details import IsApart

__all__ = ["Bits", "TaskScores", "as_bits"]

Bits = NDArray[np.bool_]
"""Labels or decisions, shape [n]: True is a match."""


def as_bits(values: ArrayLike) -> Bits:
    """Reads labels as booleans.

    Args:
        values: 0 or 1, as numbers or booleans, shape [n].

    Returns:
        The same as booleans, shape [n].

    Raises:
        InputError: A label is neither 0 nor 1, or they do not form one row.

    Example:
        >>> as_bits([0, 1.0, True]).tolist()
        [False, True, True]
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"labels have shape {array.shape}, expected one row")
    wrong = array[(array != 0) & (array != 1)]
    if wrong.size:
        raise InputError(f"label {wrong[0]} is neither 0 nor 1", fix="map labels to 0 and 1 in the task file")
    return np.asarray(array == 1, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class TaskScores:
    """Labels and logits of one task, checked and converted on the way in; knows no model.

    Raises:
        InputError: There is no example, lengths differ, a label is not 0 or 1, or a logit is not finite.

    Example:
        >>> scores = TaskScores("ssA", "A", np.array([1, 0]), np.array([2.5, -1.0]))
        >>> scores.labels.tolist(), scores.n_positive, len(scores)
        ([True, False], 1, 2)
    """

    task: str
    """Name of the task."""
    standard: str
    """Group of tasks whose counts the official metric pools."""
    labels: NDArray[Any]
    """1 match, 0 no match, shape [n]; kept as booleans."""
    logits: NDArray[Any]
    """Raw logits, shape [n]; kept as float64."""
    base_rate: float | None = None
    """Share of matches where the task is used, if it is known; the labels here may hold another."""
    pairs: Sequence[Pair] | None = None
    """The n pairs themselves, for the lists of errors and the comparison of standards."""
    looser: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Logits of the same pairs under the tasks that this one implies, by name, the next one first; with them it is
    judged as it decides."""

    apart: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Which of the pairs a declared detail keeps apart, bool[n], by the name of this task or of a looser one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", as_bits(self.labels))
        object.__setattr__(self, "logits", np.asarray(self.logits, dtype=np.float64))
        if not len(self.labels):
            raise InputError(f"task '{self.task}' has no example", fix="leave the task out or give it labelled pairs")
        if self.logits.shape != self.labels.shape:
            raise InputError(
                f"task '{self.task}' has {len(self.labels)} labels but logits of shape {self.logits.shape}"
            )
        if self.pairs is not None and len(self.pairs) != len(self.labels):
            raise InputError(f"task '{self.task}' has {len(self.labels)} labels but {len(self.pairs)} pairs")
        for name, logits in self.looser.items():
            if np.shape(logits) != self.labels.shape:
                raise InputError(f"task '{self.task}' has {len(self.labels)} labels, '{name}' other logits beside them")
        wrong = np.flatnonzero(~np.isfinite(self.logits))
        if wrong.size:
            raise InputError(
                f"logit {self.logits[wrong[0]]} of example {wrong[0]} of task '{self.task}' is not finite, "
                f"as {wrong.size} of {len(self.labels)}",
                fix="the model has diverged or its weights are damaged; use an earlier checkpoint",
            )

    def is_apart(self, task: str) -> IsApart | None:
        """Tells which pairs a detail keeps apart under the task or one that it implies; None where none is declared."""
        return self.apart[task].__getitem__ if task in self.apart else None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_positive(self) -> int:
        """Number of matches among the labels."""
        return int(np.count_nonzero(self.labels))
