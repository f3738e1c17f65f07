"""Decision rules fitted on labelled pairs: as they will be used, a strict task's beside those of the looser ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match.decisions import Decision
from ..match.verdicts import Verdict, verdict
from .calibrate import platt_scaling
from .scores import TaskScores
from .smooth_thresholds import smooth_f1_threshold

__all__ = ["Halves", "fit_all", "fit_decision", "halve", "looser_verdict", "verdict_of"]

# 1 where the pair is in the second half, 0 where it is in the first.
_Half = NDArray[np.int64]


def fit_decision(
    scores: TaskScores, looser: Verdict | None = None, *, rows: NDArray[np.bool_] | None = None
) -> Decision:
    """Fits calibration (Platt) and threshold (smooth F1 of the decision as it will be taken).

    Args:
        scores: Labels and logits of one task.
        looser: What the looser task that it implies says of the same pairs; None where it implies none.
        rows: The pairs to fit on, bool[n]; None for all.

    Returns:
        The rule, its F1 not yet judged.
    """
    chosen = np.ones(len(scores), dtype=np.bool_) if rows is None else rows
    calibration = platt_scaling(scores.labels[chosen], scores.logits[chosen])
    found = verdict(
        Decision(threshold=0.0, calibration=calibration), scores.logits, looser, is_apart=scores.is_apart(scores.task)
    )
    # Where the looser task says no, no threshold says yes: such pairs only leave matches unfound.
    open_to_it = chosen & found.accepted
    threshold = smooth_f1_threshold(
        scores.labels[open_to_it],
        found.probabilities[open_to_it],
        n_missed=int(np.count_nonzero(scores.labels[chosen & ~found.accepted])),
    )
    share = float(np.mean(scores.labels[chosen]))
    return Decision(
        threshold=threshold,
        calibration=calibration,
        n_examples=int(chosen.sum()),
        base_rate=share if 0 < share < 1 else None,
    )


def fit_all(scores: Sequence[TaskScores]) -> dict[str, Decision]:
    """Fits the rule of every task on all its labelled pairs, looser tasks first.

    Args:
        scores: Labels and logits of each task, with those of its looser ones.

    Returns:
        The rules by name, in the given order.
    """
    fitted: dict[str, Decision] = {}
    for task in _looser_first(scores):
        fitted[task.task] = fit_decision(task, looser_verdict(task, fitted))
    return {task.task: fitted[task.task] for task in scores}


def verdict_of(scores: TaskScores, decisions: Mapping[str, Decision]) -> Verdict:
    """Gives what a task says of its pairs, by its own rule and those of the looser tasks that it implies.

    Args:
        scores: Its logits and theirs.
        decisions: The rules by name; a looser task without one decides at 0.5, uncalibrated.

    Returns:
        Its verdict.
    """
    looser = looser_verdict(scores, decisions)
    return verdict(decisions[scores.task], scores.logits, looser, is_apart=scores.is_apart(scores.task))


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """A task's pairs in two halves, and the rule fitted on each."""

    half: _Half
    """The half of every pair, 0 or 1."""
    rules: tuple[Decision, Decision]
    """Fitted on the first and on the second half."""
    verdict: Verdict
    """Of every pair by the rules of the halves that it is not in."""
    rows: Mapping[tuple[str, str], int]
    """Where each pair stands, by its texts."""

    @property
    def threshold(self) -> float:
        """Mean threshold of the two rules."""
        return (self.rules[0].threshold + self.rules[1].threshold) / 2


def halve(scores: TaskScores, halved: Mapping[str, Halves], rng: np.random.Generator) -> Halves:
    """Splits a task's pairs in two, with the same share of matches, and decides each half by the rule of the other.

    Where the task implies a looser one, that one's rule is as well of the half that it does not have the pair in.

    Args:
        scores: The task.
        halved: The looser tasks, halved before.
        rng: Draws the halves.

    Returns:
        The halves.

    Raises:
        InputError: It has fewer than two matches or non-matches.
    """
    if min(scores.n_positive, len(scores) - scores.n_positive) < 2:
        raise InputError(
            f"task '{scores.task}' has {scores.n_positive} matches among {len(scores)} pairs: too few to halve",
            fix="judge on more pairs",
        )
    half = np.empty(len(scores), dtype=np.int64)
    for kind in (scores.labels, ~scores.labels):
        rows = rng.permutation(np.flatnonzero(kind))
        half[rows] = (np.arange(len(rows)) + rng.integers(2)) % 2
    looser = None
    for name, logits in reversed([*scores.looser.items()]):
        known = halved.get(name)
        rules = known.rules if known is not None else (Decision(), Decision())
        theirs = half if known is None else _known_halves(scores, half, known)
        looser = _other(theirs, [verdict(rule, logits, looser, is_apart=scores.is_apart(name)) for rule in rules])
    first, second = (fit_decision(scores, looser, rows=half == this) for this in (0, 1))
    apart = scores.is_apart(scores.task)
    decided = _other(half, [verdict(rule, scores.logits, looser, is_apart=apart) for rule in (first, second)])
    places = {} if scores.pairs is None else {(p.text0, p.text1): i for i, p in enumerate(scores.pairs)}
    return Halves(half, (first, second), decided, places)


def _known_halves(scores: TaskScores, own: _Half, looser: Halves) -> _Half:
    """The half that the looser task has each pair in; where it does not know the pair, our own will do."""
    if scores.pairs is None:
        return own
    rows = (looser.rows.get((pair.text0, pair.text1)) for pair in scores.pairs)
    return np.array([mine if row is None else looser.half[row] for row, mine in zip(rows, own, strict=True)])


def _other(half: _Half, by_rule: Sequence[Verdict]) -> Verdict:
    """Of each pair the verdict by the rule of the other half."""
    first, second = by_rule
    return Verdict(
        np.where(half == 1, first.probabilities, second.probabilities),
        np.where(half == 1, first.accepted, second.accepted),
        first.is_blank,
        np.where(half == 1, first.is_apart, second.is_apart),
        np.where(half == 1, first.asked, second.asked),
    )


def looser_verdict(scores: TaskScores, decisions: Mapping[str, Decision]) -> Verdict | None:
    """Gives what the next looser task says of a task's pairs, by its own rule; None where none is implied."""
    found = None
    for name, logits in reversed([*scores.looser.items()]):
        found = verdict(decisions.get(name, Decision()), logits, found, is_apart=scores.is_apart(name))
    return found


def _looser_first(scores: Sequence[TaskScores]) -> list[TaskScores]:
    return sorted(scores, key=lambda task: len(task.looser))
