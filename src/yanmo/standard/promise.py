"""Thresholds with a promise: a bound on precision, recall or cost that holds whatever the model, with a confidence.

Learn-then-test: to promise a precision is to reject "at this threshold the precision is lower". Given how many pairs a
threshold accepts, the matches among them are a binomial draw with its precision, so the test is the binomial one
(Clopper and Pearson's bound), although the number of accepted pairs is itself drawn. Thresholds are tested from the
highest down, each at the full risk, and the first that cannot be promised ends it: a fixed sequence needs no correction
for how many are tested. The cuts are set by counts of accepted pairs alone, never by labels: those counts at which one
miss more is forgiven. A cut too low is reached only through the first of the cuts that are too low, whose test passes
with no more than the risk, for the pairs above it hold at most as many matches as ones drawn at the promised precision.

Source: Angelopoulos, Bates, Candès, Jordan and Lei, Learn then Test, arXiv:2110.01052; Clopper and Pearson, 1934.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..evaluate import Counts, cost_threshold
from .binomial import upper_bound
from .needed import n_needed
from .scored import ScoredPairs
from .sequence import most_misses, sequence_sizes

__all__ = ["KeptCut", "cost_cut", "lowest_kept", "precision_cut", "recall_cut"]


@dataclass(frozen=True, slots=True)
class KeptCut:
    """A threshold that keeps a promise."""

    threshold: float
    """Calibrated probability from which on a pair is a match."""
    level: float
    """What is promised."""
    counts: Counts
    """What it decides on the labelled pairs that bear the promise out."""


def precision_cut(scored: ScoredPairs, *, level: float, risk: float) -> KeptCut:
    """Finds a low threshold of which a precision can be promised.

    Args:
        scored: Labelled pairs, drawn as those are that the threshold will meet.
        level: The precision, in (0, 1).
        risk: Chance, over the draw of the labelled pairs, that the threshold's true precision is lower.

    Returns:
        The cut.

    Raises:
        InputError: It cannot be promised; the message says about how many labelled pairs would do.
    """
    kept = lowest_kept(scored, level=level, risk=risk)
    if kept is None:
        needed = n_needed(scored, level=level, risk=risk)
        raise _cannot(f"a precision of {level:g}", scored, needed, best=_highest_precision(scored))
    return KeptCut(kept, level, Counts.of(scored.labels, scored.scores >= np.float32(kept)))


def lowest_kept(scored: ScoredPairs, *, level: float, risk: float) -> float | None:
    """Walks down the fixed sequence of thresholds.

    Args:
        scored: Labelled pairs.
        level: The precision.
        risk: Chance that it is lower.

    Returns:
        The last threshold that passes; None where the first does not.
    """
    order = np.argsort(-scored.scores, kind="stable")
    scores, hits = scored.scores[order], np.cumsum(scored.labels[order])
    kept = None
    for size in sequence_sizes(len(scored), level=level, risk=risk):
        if scores[size - 1] < 0:
            break
        # All that share the score are accepted with it.
        n = int(np.searchsorted(-scores, -scores[size - 1], side="right"))
        if n - int(hits[n - 1]) > most_misses(n, level=level, risk=risk):
            break
        kept = float(scores[n - 1])
    return kept


def recall_cut(scored: ScoredPairs, *, level: float, risk: float) -> KeptCut:
    """Finds the highest threshold of which a recall can be promised.

    Of ``n`` matches the ``k`` with the lowest scores may be missed, ``k`` being the largest number with
    ``P(Bin(n, level) >= n - k) <= risk``: the lower the threshold the higher the recall, so that one test, at the
    threshold that is taken, is all.

    Args:
        scored: Labelled pairs; the share of matches among them does not matter, how the matches were drawn does.
        level: The recall, in (0, 1).
        risk: Chance that the threshold's true recall is lower.

    Returns:
        The cut.

    Raises:
        InputError: It cannot be promised; the message says about how many labelled pairs would do.
    """
    matches = np.sort(scored.scores[scored.labels])
    n = len(matches)
    n_missed = most_misses(n, level=level, risk=risk)
    if n_missed < 0:
        first = int(np.ceil(np.log(risk) / np.log(level)))
        raise _cannot(f"a recall of {level:g}", scored, int(np.ceil(first * len(scored) / max(n, 1))) if n else None)
    threshold = float(matches[n_missed])
    if threshold < 0:
        n_closed = int(np.count_nonzero(matches < 0))
        raise InputError(
            f"a recall of {level:g} cannot be promised: {n_closed} of {n} matches are turned down by the looser "
            "standard that this one implies, whatever the threshold",
            fix="lower the looser standard's threshold first, or ask for less",
        )
    return KeptCut(threshold, level, Counts.of(scored.labels, scored.scores >= np.float32(threshold)))


def cost_cut(scored: ScoredPairs, *, false_match: float, missed_match: float, risk: float, seed: int = 0) -> KeptCut:
    """Finds the threshold of least cost, and bounds what a pair costs with it in the mean.

    The threshold is chosen on a random half of the pairs (smoothly, see ``yanmo.evaluate.cost_threshold``) and bounded
    on the other, so that the choice does not flatter it: each mistake's share by its upper bound at half the risk.

    Args:
        scored: Labelled pairs, drawn as those are that the threshold will meet.
        false_match: Price of accepting a pair that is no match; above 0.
        missed_match: Price of turning a match down, in the same unit; above 0.
        risk: Chance that the true mean cost is above the bound.
        seed: Seed of the halves.

    Returns:
        The cut; its level is the bound, its counts are those of the second half.

    Raises:
        InputError: A price is not above 0, or there are fewer than two pairs.
    """
    if not (false_match > 0 and missed_match > 0):
        raise InputError(f"prices of {false_match:g} and {missed_match:g} were given", fix="give two above 0")
    if len(scored) < 2:
        raise InputError("one labelled pair cannot both choose a threshold and judge it", fix="give more")
    chosen = np.zeros(len(scored), dtype=np.bool_)
    chosen[np.random.default_rng(seed).permutation(len(scored))[: len(scored) // 2]] = True
    usable = chosen & (scored.scores >= 0)
    threshold = cost_threshold(
        scored.labels[usable], scored.scores[usable], false_positive=false_match, false_negative=missed_match
    )
    counts = Counts.of(scored.labels[~chosen], scored.scores[~chosen] >= np.float32(threshold))
    bounds = [upper_bound(k, counts.n, risk=risk / 2) for k in (counts.false_positives, counts.false_negatives)]
    return KeptCut(threshold, false_match * bounds[0] + missed_match * bounds[1], counts)


def _highest_precision(scored: ScoredPairs) -> str:
    order: NDArray[np.int64] = np.argsort(-scored.scores, kind="stable")[: max(10, len(scored) // 20)]
    return f"of its surest {len(order)} pairs {int(scored.labels[order].sum())} are matches"


def _cannot(what: str, scored: ScoredPairs, needed: int | None, *, best: str = "") -> InputError:
    given = f"{what} cannot be promised with {len(scored)} labels ({scored.n_matches} matches)"
    if needed is None:
        return InputError(f"{given}, nor with many more; {best}", fix="ask for less, or train on this standard")
    return InputError(f"{given}; about {needed:,} would do", fix="label more pairs, or ask for less")
