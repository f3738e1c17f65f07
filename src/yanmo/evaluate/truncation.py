"""How much of its pairs a task's token budget cuts off, and how many pairs are read in several windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..data.pair import Pair
from ..match.matcher import Matcher

__all__ = ["Truncation", "measure_truncation"]


@dataclass(frozen=True, slots=True)
class Truncation:
    """Shares of one task's pairs and tokens that the budget cuts; 0 where there are no pairs."""

    n: int
    """Pairs."""
    pairs_cut: float
    """Share of the pairs of which something is not read at all."""
    tokens_cut: float
    """Share of the tokens of all texts that is not read."""
    pairs_in_windows: float
    """Share of the pairs that are read in more than one window."""


def measure_truncation(matcher: Matcher, split: Mapping[str, Sequence[Pair]]) -> dict[str, Truncation]:
    """Measures for every task how much its budget cuts; pairs are encoded but not scored.

    Args:
        matcher: The matcher; its tasks' budgets and windows decide.
        split: The pairs of each task, by its name.

    Returns:
        The counts by task name.

    Raises:
        InputError: The matcher does not know a task.
    """
    return {name: _measure(matcher, name, pairs) for name, pairs in split.items()}


def _measure(matcher: Matcher, task: str, pairs: Sequence[Pair]) -> Truncation:
    rows = matcher.rows([(pair.text0, pair.text1) for pair in pairs], tasks=[task])
    encoded = [windowed for (windowed,) in rows.pairs]
    n_read = sum(sum(each.n_read) for each in encoded)
    n_cut = sum(sum(each.n_cut) for each in encoded)
    return Truncation(
        n=len(pairs),
        pairs_cut=sum(any(each.n_cut) for each in encoded) / max(len(pairs), 1),
        tokens_cut=n_cut / max(n_read + n_cut, 1),
        pairs_in_windows=sum(len(each.windows) > 1 for each in encoded) / max(len(pairs), 1),
    )
