"""How often a strict task contradicts the looser task that it implies, on the pairs of both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..match.matcher import Matcher
from .scores import TaskScores
from .scoring import OnProgress, logits_by_text, score_texts

__all__ = ["Consistency", "measure_consistency"]


@dataclass(frozen=True, slots=True)
class Consistency:
    """How often a strict task contradicts the looser one that it implies."""

    strict: str
    """The strict task."""
    loose: str
    """The task it implies."""
    n: int
    """Distinct pairs scored under both."""
    n_strict: int
    """Pairs the strict task accepts."""
    n_contradictions: int
    """Of these, pairs the loose task rejects."""
    higher: float
    """Share of all pairs whose strict probability is above the loose one."""
    correlation: float
    """Rank correlation of both tasks' logits."""


def measure_consistency(
    matcher: Matcher, scores: Sequence[TaskScores], *, on_progress: OnProgress | None = None
) -> list[Consistency]:
    """Compares a strict task with the loose one it implies, on the pairs of both.

    Args:
        matcher: The matcher; ``implies`` in its task set says which tasks to compare.
        scores: Labels, logits and pairs of the tasks that were scored; only what is not among them is scored anew.
        on_progress: Told after every few hundred pairs how many more are scored.

    Returns:
        One comparison for each implication whose tasks were both scored.
    """
    known = {task.task: logits_by_text(task) for task in scores if task.pairs is not None}
    made = []
    for task in matcher.matching.task_set.tasks:
        if task.implies is None or task.name not in known or task.implies not in known:
            continue
        pairs = list(dict.fromkeys((*known[task.name], *known[task.implies])))
        logits = []
        for name in (task.name, task.implies):
            missing = [pair for pair in pairs if pair not in known[name]]
            scored = score_texts(matcher, missing, task=name, on_progress=on_progress).tolist() if missing else []
            found = known[name] | dict(zip(missing, scored, strict=True))
            logits.append(np.array([found[pair] for pair in pairs]))
        made.append(_compare(matcher, task.name, task.implies, *logits))
    return made


def _compare(
    matcher: Matcher, strict: str, loose: str, strict_logits: NDArray[np.float64], loose_logits: NDArray[np.float64]
) -> Consistency:
    n = len(strict_logits)
    rules = [matcher.matching.decision(name) for name in (strict, loose)]
    chances = [
        rule.calibration.probabilities(logits)
        for rule, logits in zip(rules, (strict_logits, loose_logits), strict=True)
    ]
    yes, loose_yes = (rule.accepts(chance) for rule, chance in zip(rules, chances, strict=True))
    ranks = [
        np.argsort(np.argsort(x, kind="stable"), kind="stable") - (n - 1) / 2 for x in (strict_logits, loose_logits)
    ]
    correlation = float(ranks[0] @ ranks[1] / max(float(ranks[0] @ ranks[0]), 1.0))
    return Consistency(
        strict,
        loose,
        n,
        int(yes.sum()),
        int((yes & ~loose_yes).sum()),
        float((chances[0] > chances[1]).mean()),
        correlation,
    )
