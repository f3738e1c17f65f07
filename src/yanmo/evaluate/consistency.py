"""Do a strict and a loose standard agree with each other on the same pairs?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..match.matcher import Matcher
from ..match.pair import Pair

__all__ = ["Consistency", "judge_consistency"]


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


def judge_consistency(matcher: Matcher, split: Mapping[str, Sequence[Pair]]) -> list[Consistency]:
    """Scores the pairs of a strict task and of the loose one it implies under both.

    Args:
        matcher: The matcher; ``implies`` in its task set says which tasks to compare.
        split: The pairs of each task, by its name.

    Returns:
        One comparison for each implication whose tasks both have pairs.
    """
    made = []
    for task in matcher.matching.task_set.tasks:
        if task.implies is None or task.name not in split or task.implies not in split:
            continue
        both = (*split[task.name], *split[task.implies])
        pairs = list(dict.fromkeys((pair.text0, pair.text1) for pair in both))
        logits = {name: matcher.logits(pairs, task=name) for name in (task.name, task.implies)}
        rules = {name: matcher.matching.decision(name) for name in logits}
        chances = {name: rules[name].calibration.probabilities(values) for name, values in logits.items()}
        strict, loose = (rules[name].accepts(chances[name]) for name in (task.name, task.implies))
        ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in logits.values()]
        centered = np.stack(ranks) - (len(pairs) - 1) / 2
        correlation = float((centered[0] * centered[1]).sum() / max(float((centered[0] ** 2).sum()), 1.0))
        made.append(
            Consistency(
                task.name,
                task.implies,
                len(pairs),
                int(strict.sum()),
                int((strict & ~loose).sum()),
                float((chances[task.name] > chances[task.implies]).mean()),
                correlation,
            )
        )
    return made
