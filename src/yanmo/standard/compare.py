"""What changed from one matcher to another on the same pairs: flips, for better or worse, and the largest moves."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data import Pair
from ..errors import InputError
from ..evaluate import Counts
from ..match import Matcher
from .binomial import mcnemar
from .scored import OnProgress

__all__ = ["Change", "LabelledChange", "Move", "compare_matchers"]

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Move:
    """One pair and its two probabilities."""

    text0: str
    """The first text."""
    text1: str
    """The second text."""
    label: int | None
    """1 match, 0 no match, None where none was given."""
    old: float
    """Probability before."""
    new: float
    """Probability now."""
    flipped: bool
    """Whether the decision differs."""


@dataclass(frozen=True, slots=True)
class LabelledChange:
    """What the labels say of the change."""

    n_better: int
    """Pairs decided wrongly before and rightly now."""
    n_worse: int
    """Pairs decided rightly before and wrongly now."""
    p_value: float
    """Of McNemar's exact test that as many became better as worse but for chance."""
    old: Counts
    """Decisions before against the labels."""
    new: Counts
    """Decisions now against the labels."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changed under one standard."""

    task: str
    """Name of the standard."""
    n: int
    """Pairs."""
    n_to_match: int
    """Pairs that match only now."""
    n_to_other: int
    """Pairs that matched only before."""
    mean_move: float
    """Mean distance of the two probabilities."""
    labelled: LabelledChange | None
    """Where labels are given, which decisions are right."""
    moves: tuple[Move, ...]
    """The pairs that moved most: flips first, each kind by the distance of its probabilities."""

    @property
    def n_flips(self) -> int:
        """Pairs whose decision differs."""
        return self.n_to_match + self.n_to_other

    def measure(self, name: str) -> float:
        """Gives one number of the change, for a limit.

        Args:
            name: ``flips`` (share of the pairs), ``move`` (largest distance of probabilities), and with labels
                ``worse`` (share of the pairs that were right and are wrong), ``accuracy`` and ``f1`` (what is lost).

        Returns:
            The number.

        Raises:
            InputError: There is no such number, or it needs labels.
        """
        if name == "flips":
            return self.n_flips / max(self.n, 1)
        if name == "move":
            return max((abs(move.new - move.old) for move in self.moves), default=0.0)
        if name not in ("worse", "accuracy", "f1"):
            raise InputError(f"'{name}' is no measure of a change", fix="take flips, move, worse, accuracy or f1")
        if self.labelled is None:
            raise InputError(f"'{name}' needs labels, and the pairs have none", fix="give labelled pairs")
        if name == "worse":
            return self.labelled.n_worse / max(self.n, 1)
        old, new = (getattr(counts, name) for counts in (self.labelled.old, self.labelled.new))
        return float(old - new)

    def as_json(self) -> dict[str, Any]:
        """Gives the change as plain values."""
        return asdict(self)


def compare_matchers(
    old: Matcher,
    new: Matcher,
    pairs: Sequence[Pair],
    *,
    task: str,
    n_moves: int = 10,
    on_progress: OnProgress | None = None,
) -> Change:
    """Compares what two matchers say of the same pairs, each by its own calibration and threshold.

    Args:
        old: The one before.
        new: The one now.
        pairs: The pairs; the labels count where every pair has one.
        task: Name of the standard, which both must know.
        n_moves: Pairs to be shown, at most; the one that moved most is always among them.
        on_progress: Told after every few hundred pairs how many more were scored, by both.

    Returns:
        The change.

    Raises:
        InputError: A matcher does not know the standard, or there is no pair.
    """
    if not pairs:
        raise InputError("there is no pair to compare on", fix="give some")
    p0, yes0 = _judged(old, pairs, task, on_progress)
    p1, yes1 = _judged(new, pairs, task, on_progress)
    distance, flipped = np.abs(p1 - p0), yes0 != yes1
    # The largest move of all stands among those shown even where flips alone would fill the list.
    order = np.lexsort((-distance, ~flipped)).tolist()
    largest = int(np.argmax(distance))
    shown = order[: max(n_moves, 1)]
    if largest not in shown:
        shown[-1] = largest
    labelled = None
    if all(pair.label is not None for pair in pairs):
        truth = np.array([bool(pair.label) for pair in pairs])
        n_better, n_worse = (int(np.count_nonzero(flipped & (right == truth))) for right in (yes1, yes0))
        labelled = LabelledChange(
            n_better, n_worse, mcnemar(n_better, n_worse), Counts.of(truth, yes0), Counts.of(truth, yes1)
        )
    return Change(
        task,
        len(pairs),
        int(np.count_nonzero(yes1 & ~yes0)),
        int(np.count_nonzero(yes0 & ~yes1)),
        float(distance.mean()),
        labelled,
        tuple(
            Move(
                pairs[i].text0,
                pairs[i].text1,
                None if labelled is None else int(bool(pairs[i].label)),
                float(p0[i]),
                float(p1[i]),
                bool(flipped[i]),
            )
            for i in shown
        ),
    )


def _judged(
    matcher: Matcher, pairs: Sequence[Pair], task: str, on_progress: OnProgress | None
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.bool_]]]:
    probabilities, accepted = np.empty(len(pairs), dtype=np.float32), np.empty(len(pairs), dtype=np.bool_)
    order = np.argsort([len(pair.text0) + len(pair.text1) for pair in pairs], kind="stable")
    for chunk in np.array_split(order, max(1, -(-len(pairs) // _CHUNK))):
        found = matcher.judge([(pairs[i].text0, pairs[i].text1) for i in chunk.tolist()], tasks=[task])[task]
        probabilities[chunk], accepted[chunk] = found.probabilities, found.accepted
        if on_progress is not None:
            on_progress(len(chunk))
    return probabilities, accepted
