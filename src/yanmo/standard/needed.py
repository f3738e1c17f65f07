"""About how many labelled pairs a promise of precision would take, from those that were too few."""

import numpy as np

from ..evaluate import platt_scaling
from .binomial import binomial_tail
from .scored import ScoredPairs
from .sequence import first_size

__all__ = ["n_needed"]

_CHANCE, _STEP, _MOST = 0.8, 1.15, 100


def n_needed(scored: ScoredPairs, *, level: float, risk: float) -> int | None:
    """Estimates how many labelled pairs like these would most likely be enough.

    With ``f`` times the pairs the first test stands at the share ``size / (f n)`` of the surest. What the precision is
    there is read off probabilities that are calibrated on these labels, so that five hits in the first five do not
    count as certainty; the test passes with the chance that no more misses fall there than it forgives.

    Args:
        scored: The labelled pairs.
        level: The precision to be promised.
        risk: Chance that the promise is broken.

    Returns:
        The least number that passes the first test four times in five, with two digits; None if a hundred times as
        many would not.
    """
    is_open = scored.scores >= 0
    if not is_open.any() or not scored.n_matches or scored.n_matches == len(scored):
        return None
    values = np.clip(scored.scores[is_open].astype(np.float64), 1e-7, 1 - 1e-7)
    log_odds = np.log(values) - np.log1p(-values)
    # Each pair twenty times: so few matches could otherwise never look surer than Platt's smoothed targets.
    calibration = platt_scaling(np.tile(scored.labels[is_open], 20), np.tile(log_odds, 20))
    chances = calibration.probabilities(log_odds).astype(np.float64)
    expected = np.concatenate([[0.0], np.cumsum(np.sort(chances)[::-1])])
    n, factor = len(scored), 1.0
    while factor < _MOST:
        factor *= _STEP
        size = first_size(int(n * factor), level=level, risk=risk)
        if size <= min(n * factor, len(chances) * factor):
            precision = float(np.interp(size / factor, np.arange(len(expected)), expected)) / (size / factor)
            # The misses that are forgiven at this size: as many as the test still passes with.
            forgiven = int(np.flatnonzero(binomial_tail(size - np.arange(3), size, level) <= risk)[-1])
            if float(binomial_tail(size - forgiven, size, precision)) >= _CHANCE:
                return _two_digits(n * factor)
    return None


def _two_digits(value: float) -> int:
    unit = int(10 ** max(len(str(int(value))) - 2, 0))
    return int(np.ceil(value / unit)) * unit
