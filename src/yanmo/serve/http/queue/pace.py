"""How fast a service scores, who can be done in time at that pace, and when to come back for whoever cannot."""

import math
from collections.abc import Iterable

__all__ = ["Pace", "lateness"]

# Share of the past that a new batch leaves in the measure: some ten batches count.
_MEMORY = 0.8
# Nobody is told to come back later than this; by then much will have changed.
_LATEST = 60.0


def lateness(waiting: Iterable[tuple[float, int]], *, due: float, n_tokens: int, rate: float) -> float:
    """Tells by how much somebody would be late if one more were taken, whoever is due first being served first.

    A set of requests can all be done in time if and only if each is, when those due before it go first: for every
    request the tokens due no later than it must be no more than ``rate`` times the time it has.

    Args:
        waiting: Of each request the seconds until it is due and its tokens, in the order in which they are due.
        due: Seconds until the new one is due.
        n_tokens: Its tokens.
        rate: Tokens a second.

    Returns:
        Seconds by which the latest of the new one and those due after it would be late; 0 or less if none would.

    Example:
        >>> lateness([(1.0, 50), (4.0, 250)], due=2.0, n_tokens=60, rate=100.0)
        -0.3999999999999999
        >>> lateness([(1.0, 50), (4.0, 250)], due=2.0, n_tokens=160, rate=100.0)
        0.5999999999999996
    """
    total, worst, is_in = 0, -math.inf, False
    for theirs, tokens in waiting:
        if not is_in and theirs > due:
            total, is_in = total + n_tokens, True
            worst = total / rate - due
        total += tokens
        if is_in:
            worst = max(worst, total / rate - theirs)
    return worst if is_in else (total + n_tokens) / rate - due


class Pace:
    """The measured rate, and the times that have been given to those who were sent away."""

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0
        self._promised = 0.0

    @property
    def rate(self) -> float:
        """Tokens a second; 0 before the first batch."""
        return self._tokens / self._seconds if self._seconds else 0.0

    def saw(self, n_tokens: int, seconds: float) -> None:
        """Takes a scored batch into account; large ones count more, since they tell more of a busy time.

        Args:
            n_tokens: Its tokens.
            seconds: The time it took.
        """
        self._tokens = _MEMORY * self._tokens + n_tokens
        self._seconds = _MEMORY * self._seconds + max(seconds, 1e-9)

    def come_back(self, now: float, *, late: float, n_tokens: int) -> int:
        """Gives a time to come back at, one after the other, so that not all come back at once.

        Args:
            now: The time, in seconds.
            late: Seconds after which there should be room.
            n_tokens: How many tokens the request will bring.

        Returns:
            Seconds to wait, at least 1.
        """
        start = min(max(self._promised, now + late), now + _LATEST)
        self._promised = start + (n_tokens / self.rate if self.rate else 0.0)
        return max(1, math.ceil(start - now))
