"""Some pairs of a labelled set as whole groups: pairs that share a text, directly or over others, stay together."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from yanmo.data import Pair


def grouped_pairs(pairs: Sequence[Pair], *, n: int, seed: int) -> list[Pair]:
    """Draws groups until there are enough pairs.

    Args:
        pairs: The set.
        n: Pairs, at most; the last group may be cut.
        seed: Draws the order of the groups.

    Returns:
        The pairs, group after group; those of a smaller n are the beginning of those of a larger one.
    """
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for pair in pairs:
        parent[root(pair.text0)] = root(pair.text1)
    groups = defaultdict(list)
    for pair in pairs:
        groups[root(pair.text0)].append(pair)
    order = np.random.default_rng(seed).permutation(len(groups))
    listed = list(groups.values())
    return [pair for number in order.tolist() for pair in listed[number]][:n]
