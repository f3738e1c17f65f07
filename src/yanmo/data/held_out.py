"""One set of pairs in two: a part held out to validate on, which shares no text with the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from .pair import Pair

__all__ = ["split_off"]

_Split = dict[str, list[Pair]]
_Stratum = tuple[str, bool]


def split_off(pairs: Mapping[str, Sequence[Pair]], *, share: float, seed: int = 0) -> tuple[_Split, _Split]:
    """Holds a share of the pairs out, in whole groups of pairs that share a text, across all tasks.

    A text that is trained on and validated on lets a model answer from memory. Groups are taken in random order; one is
    held out if that brings what is held out nearer to the share of the matches and of the non-matches of every task:

    ``sum_s (have_s + n_s - need_s)^2 / N_s < sum_s (have_s - need_s)^2 / N_s``.

    Args:
        pairs: The labelled pairs of each task, by its name.
        share: Share to hold out, above 0 and below 1.
        seed: Draws the order.

    Returns:
        The pairs to learn from and those held out, each in the given order; tasks without held-out pairs are left out
        of the latter.

    Raises:
        InputError: The share is none, or so many pairs hang together by their texts that no part can be held out.

    Example:
        >>> rows = [Pair(f"甲{i}", f"乙{i}", i % 2, None, i, "a.csv") for i in range(20)]
        >>> learned, held = split_off({"faq": rows}, share=0.2)
        >>> len(learned["faq"]), len(held["faq"]), sum(pair.label for pair in held["faq"])
        (16, 4, 2)
    """
    if not 0 < share < 1:
        raise InputError(f"the share to split off is {share:g}", fix="give one between 0 and 1, such as 0.2")
    groups = _groups(pairs)
    sizes: list[Counter[_Stratum]] = [Counter() for _ in range(max(groups.values(), default=-1) + 1)]
    totals: Counter[_Stratum] = Counter()
    for task, rows in pairs.items():
        for pair in rows:
            stratum = (task, (pair.label or 0) >= 0.5)
            sizes[groups[pair.text0]][stratum] += 1
            totals[stratum] += 1
    missing = {stratum: share * n for stratum, n in totals.items()}
    held = set()
    for group in np.random.default_rng(seed).permutation(len(sizes)).tolist():
        change = sum(n * (n - 2 * missing[stratum]) / totals[stratum] for stratum, n in sizes[group].items())
        if change < 0:
            held.add(group)
            for stratum, n in sizes[group].items():
                missing[stratum] -= n
    if not held or len(held) == len(sizes):
        n_largest = max((sum(size.values()) for size in sizes), default=0)
        raise InputError(
            f"no {share:.0%} can be split off: of {sum(totals.values()):,} pairs {n_largest:,} hang together by texts "
            "they share",
            fix="give a validation set of its own, or train without one (--validation none)",
        )
    parts: tuple[_Split, _Split] = ({}, {})
    for task, rows in pairs.items():
        for pair in rows:
            parts[groups[pair.text0] in held].setdefault(task, []).append(pair)
    return parts


def _groups(pairs: Mapping[str, Sequence[Pair]]) -> dict[str, int]:
    """Numbers the groups of texts that pairs, of any task, hold together, in the order of their first text."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for rows in pairs.values():
        for pair in rows:
            parent[root(pair.text1)] = root(pair.text0)
    numbers: dict[str, int] = {}
    return {text: numbers.setdefault(root(text), len(numbers)) for text in list(parent)}
