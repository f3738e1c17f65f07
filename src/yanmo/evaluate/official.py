"""The metric of the Sohu 2021 contest: one F1 for each standard, pooled over its tasks, then their mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import InputError
from .counts import Counts

__all__ = ["OfficialScore", "metric_name", "official_score"]

_CONTEST = {"ssA", "ssB", "slA", "slB", "llA", "llB"}


@dataclass(frozen=True, slots=True)
class OfficialScore:
    """F1 of every standard and their mean."""

    f1: float
    """Mean of the standards' F1."""
    standards: dict[str, float]
    """F1 of each standard, from the counts pooled over its tasks."""

    def as_json(self) -> dict[str, float]:
        """Gives ``{"f1": mean, standard: f1, ...}``."""
        return {"f1": self.f1, **self.standards}


def official_score(counts: Mapping[str, Counts], *, standards: Mapping[str, str]) -> OfficialScore:
    """Pools the counts of a standard's tasks, takes their F1, and averages over the standards.

    Args:
        counts: Counts of each task, by name.
        standards: Standard of each of these tasks, by name.

    Returns:
        The mean and its parts, standards in the order of their first task.

    Raises:
        InputError: There is no task, or a standard is called ``f1``, the name of the mean.

    Example:
        >>> loose = {"ssA": Counts(8, 2, 2, 0), "llA": Counts(0, 0, 10, 0), "ssB": Counts(1, 0, 0, 0)}
        >>> score = official_score(loose, standards={"ssA": "A", "llA": "A", "ssB": "B"})
        >>> score.as_json()
        {'f1': 0.7666666666666666, 'A': 0.5333333333333333, 'B': 1.0}

    Source: kexue.fm/archives/8337 and its code, bojone/sohu2021-baseline.
    """
    if not counts:
        raise InputError("there is no task to score")
    pooled: dict[str, Counts] = {}
    for task, part in counts.items():
        standard = standards[task]
        pooled[standard] = pooled[standard] + part if standard in pooled else part
    if "f1" in pooled:
        raise InputError("a standard is called 'f1', which names the mean of all", fix="rename it in the task file")
    parts = {standard: whole.f1 for standard, whole in pooled.items()}
    return OfficialScore(sum(parts.values()) / len(parts), parts)


def metric_name(tasks: Iterable[str]) -> str:
    """Gives what people call the F1 over all tasks: the contest's official one for its own tasks only.

    Args:
        tasks: Names of the tasks that are judged.

    Returns:
        The name, in Chinese.

    Example:
        >>> metric_name(["ssA", "llB"]), metric_name(["news"])
        ('官方指标', '平均')
    """
    return "官方指标" if set(tasks) <= _CONTEST else "平均"
