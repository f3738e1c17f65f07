"""When the mix changes: calibration and threshold moved to another share of matches, told or estimated from a sample.

What is assumed is that matches look as before and others look as before, and only their shares differ. Where the pairs
themselves have become others, no calculation helps: label some.
"""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..evaluate import TaskScores, platt_scaling, smooth_f1_threshold
from ..match.decisions import Calibration, Decision
from ..match.verdicts import Verdict, verdict
from .binomial import lower_bound, upper_bound

__all__ = ["decision_at", "estimated_base_rate", "mix_note", "moved"]

_N_STEPS = 10_000


def moved(calibration: Calibration, *, made_at: float, base_rate: float) -> Calibration:
    """Moves a calibration to another share of matches: the log-odds of every pair shift by those of the shares.

    ``p / (1 - p) -> p / (1 - p) * r / (1 - r) * (1 - r_0) / r_0``, which is Bayes' rule with another prior.

    Args:
        calibration: From logits to probabilities, at the share ``r_0``.
        made_at: That share, in (0, 1).
        base_rate: The share ``r`` to move to, in (0, 1).

    Returns:
        The calibration at ``r``.

    Raises:
        InputError: A share is not between 0 and 1.

    Example:
        >>> calibration = moved(Calibration(), made_at=0.5, base_rate=0.25)
        >>> calibration.probabilities([0.0]).tolist()
        [0.25]
    """
    for share in (made_at, base_rate):
        if not 0 < share < 1:
            raise InputError(f"the base rate is {share:g}, a share lies between 0 and 1")
    shift = float(np.log(base_rate) - np.log1p(-base_rate) - np.log(made_at) + np.log1p(-made_at))
    return Calibration(scale=calibration.scale, bias=calibration.bias + shift)


def estimated_base_rate(probabilities: ArrayLike, *, made_at: float) -> float:
    """Estimates the share of matches among unlabelled pairs from calibrated probabilities.

    Expectation-maximization: with the share ``r`` the probabilities become ``p(r)`` as in ``moved``, and ``r`` becomes
    their mean, until it stays. The result is the share under which the scores are most likely.

    Args:
        probabilities: Of the pairs, calibrated at the share ``made_at``, shape [n].
        made_at: That share, in (0, 1).

    Returns:
        The share, kept half a pair away from 0 and 1.

    Raises:
        InputError: There is no pair, or the share is not between 0 and 1.

    Source: Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities
    (2002); with calibration before it, Alexandari, Kundaje and Shrikumar, arXiv:1901.06852.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if not p.size:
        raise InputError("there is no pair to estimate a share from", fix="give some")
    if not 0 < made_at < 1:
        raise InputError(f"the base rate is {made_at:g}, a share lies between 0 and 1")
    least = 0.5 / len(p)
    rate = made_at
    for _ in range(_N_STEPS):
        matches = p * rate / made_at
        others = (1 - p) * (1 - rate) / (1 - made_at)
        found = min(max(float(np.mean(matches / np.maximum(matches + others, 1e-300))), least), 1 - least)
        if abs(found - rate) < 1e-9:
            return found
        rate = found
    return rate


def decision_at(scores: TaskScores, looser: Verdict | None = None, *, base_rate: float) -> Decision:
    """Fits calibration and threshold on labelled pairs, for use where another share of the pairs are matches.

    Platt scaling on the pairs as they are, moved to the share; the threshold is that of the highest (smooth) F1 at it.

    Args:
        scores: Labels and logits of one standard.
        looser: What the looser standard that it implies says of the same pairs; None where it implies none.
        base_rate: The share of matches in use, in (0, 1).

    Returns:
        The rule.

    Raises:
        InputError: All pairs have one label, or the share is not between 0 and 1.
    """
    if not 0 < scores.n_positive < len(scores):
        raise InputError("all pairs have one label, which tells nothing of the other", fix="give pairs of both labels")
    made_at = scores.n_positive / len(scores)
    calibration = moved(platt_scaling(scores.labels, scores.logits), made_at=made_at, base_rate=base_rate)
    anything, apart = Decision(threshold=0.0, calibration=calibration), scores.is_apart(scores.task)
    found = verdict(anything, scores.logits, looser, is_apart=apart)
    is_open = found.accepted
    threshold = smooth_f1_threshold(
        scores.labels[is_open],
        found.probabilities[is_open],
        n_missed=int(np.count_nonzero(scores.labels & ~is_open)),
        n_others=int(np.count_nonzero(~scores.labels & ~is_open)),
        base_rate=base_rate,
    )
    return Decision(threshold=threshold, calibration=calibration, n_examples=len(scores), base_rate=base_rate)


def mix_note(task: str, decision: Decision, *, n: int, n_matches: int) -> str | None:
    """Warns where a standard is used on another mix than its calibration and threshold are made for.

    Args:
        task: Name of the standard.
        decision: Its rule; without a base rate there is nothing to compare.
        n: Labelled pairs it is used on.
        n_matches: Matches among them.

    Returns:
        One sentence where the odds of a match differ by a factor of two or more and not by chance (95 %); else None.
    """
    made_at = decision.base_rate
    if made_at is None or not n:
        return None
    low, high = (bound(n_matches, n, risk=0.025) for bound in (lower_bound, upper_bound))
    if low <= made_at <= high:
        return None
    share = min(max(n_matches / n, 1e-6), 1 - 1e-6)
    if 0.5 < share / (1 - share) * (1 - made_at) / made_at < 2:
        return None
    return (
        f"{task}：这份数据有 {n_matches / n:.0%} 匹配，阈值与概率是按 {made_at:.0%} 定的，已不合适；"
        f"用 yanmo threshold … --base-rate {share:.2g} 移过来 / made for another share of matches"
    )
