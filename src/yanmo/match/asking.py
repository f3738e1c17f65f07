"""The third answer: which pairs a standard leaves to a person, as two thresholds around the one that decides."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .decisions import Decision

__all__ = ["asking"]


def asking(rule: Decision, probabilities: ArrayLike, *, share: float, chances: ArrayLike | None = None) -> Decision:
    """Sets the two thresholds between which a person is asked, so that they hold the least sure share of some pairs.

    Least sure are the pairs whose answer is most likely wrong: a yes with the chance ``1 - p``, a no with ``p``. Around
    a threshold of 0.5 these are the nearest to it; around one of 0.3 a yes is asked about before a no as near.

    Args:
        rule: The standard's rule.
        probabilities: Calibrated probabilities of pairs like those to come, shape [n]; below 0 where no threshold
            accepts, about which nobody is asked.
        share: Of these pairs, how many a person is asked about at most, in (0, 1).
        chances: What the probability of a match is for each pair where that is known better, rising with
            ``probabilities``; None takes these.

    Returns:
        The rule with ``ask_above``, ``ask_below`` and ``ask_share``.

    Raises:
        InputError: The share is not between 0 and 1, or there is no pair.

    Example:
        >>> rule = asking(Decision(threshold=0.5), [0.125, 0.25, 0.375, 0.6875, 0.875, 1.0], share=0.35)
        >>> rule.asks([0.125, 0.25, 0.375, 0.6875, 0.875, 1.0]).tolist()
        [False, False, True, True, False, False]
    """
    if not 0 < share < 1:
        raise InputError(f"a share of {share:g} is to be asked about", fix="give one between 0 and 1, such as 0.1")
    values = np.asarray(probabilities, dtype=np.float32)
    likely: NDArray[np.float64] = np.asarray(values if chances is None else chances, dtype=np.float64)
    if not len(values):
        raise InputError("there is no pair to see how sure the standard is", fix="give some")
    leans = rule.accepts(values)
    doubt = np.where(values < 0, -1.0, np.where(leans, 1 - likely, likely))
    n_asked = int(share * len(values) + 1e-9)
    # Pairs of one probability are asked about together, or not at all.
    limit = np.sort(doubt)[::-1][n_asked] if n_asked < len(doubt) else -1.0
    asked = (doubt > limit) & (values >= 0)
    noes, yeses = values[asked & ~leans], values[asked & leans]
    above = float(noes.min()) if noes.size else rule.threshold
    below = float(np.nextafter(yeses.max(), np.float32(2))) if yeses.size else rule.threshold
    return Decision.model_validate(rule.model_dump() | {"ask_above": above, "ask_below": below, "ask_share": share})
