"""From logits under several standards to probabilities and decisions that never contradict each other; one function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.edits.difference_kinds import DifferenceKind
from ..data.tasks import TaskSet
from ..errors import InputError
from .decisions import Decision, MatchingFile
from .details import IsApart, PairDetails

# A detail is looked for from this probability on, or from the threshold where that is lower.
_LOOKED_FROM = 0.05

__all__ = ["Verdict", "declared_details", "open_scores", "verdict", "verdicts", "with_implied"]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What one standard says of n pairs.

    Attributes:
        probabilities: Calibrated probability of a match, float32[n]; never above that of a standard it implies.
        accepted: Whether each pair is a match, bool[n]; never True where a standard it implies says False.
        is_blank: Whether the pair is no match for having nothing to read in either text, bool[n].
        is_apart: Whether the pair is no match for a detail in which its texts differ, though the score said otherwise,
            bool[n]; see ``Task.details``.
        asked: Whether a person should decide, for the standard is too unsure of the pair, bool[n]; ``accepted`` says
            how it leans.
    """

    probabilities: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    is_blank: NDArray[np.bool_]
    is_apart: NDArray[np.bool_]
    asked: NDArray[np.bool_]

    @property
    def answers(self) -> NDArray[Any]:
        """``1`` for a match, ``0`` for none, ``?`` where a person should decide, shape [n]."""
        return np.where(self.asked, "?", np.where(self.accepted, "1", "0"))


def with_implied(task_set: TaskSet, tasks: Sequence[str]) -> tuple[str, ...]:
    """Adds to tasks the looser ones that they imply, directly or through another.

    Args:
        task_set: Says which task implies which.
        tasks: Names of tasks.

    Returns:
        The names without repetition: those given first, in their order.

    Raises:
        InputError: A task is unknown.

    Example:
        >>> with_implied(TaskSet.load("sohu"), ["ssB", "llA"])
        ('ssB', 'llA', 'ssA')
    """
    found = dict.fromkeys(tasks)
    waiting = list(found)
    while waiting:
        looser = task_set.task(waiting.pop(0)).implies
        if looser is not None and looser not in found:
            found[looser] = None
            waiting.append(looser)
    return tuple(found)


def declared_details(task_set: TaskSet, task: str) -> frozenset[DifferenceKind]:
    """Gives the details that must agree under a task: its own, and those of the looser ones that it implies."""
    return frozenset(kind for name in with_implied(task_set, [task]) for kind in task_set.task(name).details)


def verdict(
    rule: Decision,
    logits: ArrayLike,
    looser: Verdict | None = None,
    *,
    is_blank: ArrayLike = False,
    is_apart: IsApart | None = None,
) -> Verdict:
    """Turns the logits of one standard into probabilities and decisions, beside those of the one that it implies.

    What matches strictly matches loosely: the probability is

    ``p = min(sigmoid(scale * logit + bias), p of the looser)``,

    and a pair is a match where ``p`` reaches the threshold and the looser standard, by a threshold of its own, says
    match as well. So whatever thresholds are set, a strict yes never stands beside a loose no. Two standards stay two
    scores: the minimum only takes away what the looser one rules out.

    Where thresholds for asking are set, the pairs between them are left to a person. What the looser standard surely
    turns down nobody is asked about again; what it leaves to a person this one does not accept on its own.

    Pairs that a declared detail keeps apart have the probability 0 and are no match, whatever the threshold. They are
    looked for from a probability of 0.05 on, or from the least threshold where that is lower: below, no standard says
    match or asks.

    Args:
        rule: Calibration and threshold of the standard.
        logits: Its logits, shape [n].
        looser: What the standard that it implies says of the same pairs; None where it implies none.
        is_blank: Where there is nothing to compare, bool[n]: the probability is 0 there, and the pair no match.
        is_apart: Tells which pairs a detail keeps apart; None where the standard declares none.

    Returns:
        The verdict.
    """
    probabilities = rule.calibration.probabilities(logits)
    blank = np.broadcast_to(np.asarray(is_blank, dtype=np.bool_), probabilities.shape)
    probabilities = np.where(blank, np.float32(0), probabilities)
    if looser is not None:
        probabilities = np.minimum(probabilities, looser.probabilities)
    apart = _apart(rule, probabilities, blank, is_apart)
    if looser is not None:
        apart = apart | looser.is_apart
    probabilities = np.where(apart, np.float32(0), probabilities)
    leans, asked, never = rule.accepts(probabilities), rule.asks(probabilities), blank | apart
    if looser is not None:
        asked = (asked & (looser.accepted | looser.asked)) | (leans & looser.asked)
        leans = leans & looser.accepted
    return Verdict(probabilities, leans & ~never, blank, apart, asked & ~never)


def _apart(
    rule: Decision, probabilities: NDArray[np.float32], blank: NDArray[np.bool_], is_apart: IsApart | None
) -> NDArray[np.bool_]:
    apart = np.zeros(probabilities.shape, dtype=np.bool_)
    if is_apart is not None:
        least = min(_LOOKED_FROM, rule.threshold, *([] if rule.ask_above is None else [rule.ask_above]))
        rows = np.flatnonzero((probabilities >= np.float32(least)) & ~blank)
        apart[rows] = is_apart(rows)
    return apart


def open_scores(
    matching: MatchingFile,
    logits: Mapping[str, ArrayLike],
    *,
    task: str,
    is_blank: ArrayLike = False,
    details: PairDetails | None = None,
) -> NDArray[np.float32]:
    """Gives what one standard's threshold is compared with: the threshold ``t`` accepts a pair where this is ``>= t``.

    Args:
        matching: Calibration and threshold of each standard, and which implies which.
        logits: By name of the standard, shape [n] each; those of the looser ones must be there too.
        task: Name of the standard.
        is_blank: Which of the pairs have nothing to read in either text.
        details: What keeps pairs apart under standards that declare it; None looks for nothing.

    Returns:
        Probabilities, float32[n]; -1 where no threshold accepts: a looser standard says no, a detail keeps them apart,
        or nothing is readable.
    """
    plain = {"threshold": 0.0, "ask_above": None, "ask_below": None, "ask_share": None}
    anything = matching.with_decision(task, matching.decision(task).model_copy(update=plain))
    found = verdicts(anything, logits, is_blank=is_blank, details=details)[task]
    return np.where(found.accepted, found.probabilities, np.float32(-1))


def verdicts(
    matching: MatchingFile,
    logits: Mapping[str, ArrayLike],
    *,
    is_blank: ArrayLike = False,
    details: PairDetails | None = None,
) -> dict[str, Verdict]:
    """Turns logits into probabilities and decisions under every standard; see ``verdict``.

    Nothing against nothing has the probability 0 and is no match, where the matcher declares that step
    (``reject_blank``).

    Args:
        matching: Calibration and threshold of each standard, and which implies which.
        logits: By name of the standard, shape [n] each; of a strict standard the looser ones must be there too.
        is_blank: Which of the pairs have nothing to read in either text, shape [n]; one value stands for all.
        details: What keeps pairs apart under standards that declare it; None looks for nothing.

    Returns:
        The verdict of each standard, in the order of ``logits``.

    Raises:
        InputError: A standard is unknown, or the logits of one that it implies are missing.
    """
    found: dict[str, Verdict] = {}
    rejects = np.asarray(is_blank, dtype=np.bool_) & matching.normalization.reject_blank

    def of(task: str) -> Verdict:
        if task not in found:
            if task not in logits:
                raise InputError(f"the logits of '{task}' are missing, which a stricter task implies")
            declared = matching.task_set.task(task)
            looser = None if declared.implies is None else of(declared.implies)
            apart = None if details is None else details.apart_by(declared.details)
            found[task] = verdict(matching.decision(task), logits[task], looser, is_blank=rejects, is_apart=apart)
        return found[task]

    return {task: of(task) for task in logits}
