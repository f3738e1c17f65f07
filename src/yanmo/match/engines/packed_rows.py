"""Pairs as an exported graph takes them: tokens in one line without padding, and where each stands in its text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tokenize import EncodedPair

__all__ = ["PACKED_INPUTS", "PackedForm"]

PACKED_INPUTS = {
    "token_ids": "tensor(int64)",
    "type_ids": "tensor(int64)",
    "position_ids": "tensor(int64)",
    "side": "tensor(int64)",
    "spread": "tensor(int64)",
    "place": "tensor(int64)",
    "again": "tensor(int64)",
    "scored_spread": "tensor(int64)",
    "scored_place": "tensor(int64)",
    "task": "tensor(int64)",
}
"""Inputs of a packed graph and their types; shapes in ``PackedForm.feed``."""

# Places of a text are filled up to a multiple of this, so that fewer lengths are met.
_STEP = 8


@dataclass(frozen=True, slots=True)
class PackedForm:
    """How a graph wants its tokens; a pair is computed in the same shapes alone and in any company.

    Linear layers see one line of tokens. Where tokens look at each other they are spread into rows of equal length:
    one row a text where texts stand apart, one a pair where they meet. That length depends on nothing but the pair:
    in a batch all pairs have the same one, for sums over longer rows may end in another last digit.
    """

    sides: int
    """Rows of a pair in the layers that no task touches: 2 where its texts stand apart, 1 where they meet."""
    scored_sides: int
    """The same in the layers from the first one on that a task touches."""

    def batches(self, pairs: Sequence[EncodedPair], n_scores: Sequence[int], *, max_tokens: int) -> Iterator[list[int]]:
        """Groups pairs of equal row lengths.

        Args:
            pairs: Encoded pairs.
            n_scores: Tasks that each is scored under.
            max_tokens: Largest number of tokens of a batch, counted once for every task; a longer single pair gets its
                own batch.

        Yields:
            Numbers of the pairs of each batch; every pair once.
        """
        lengths = [self._lengths(pair) for pair in pairs]
        rows: list[int] = []
        n_tokens = 0
        for i in sorted(range(len(pairs)), key=lambda i: (lengths[i], len(pairs[i]))):
            added = len(pairs[i]) * n_scores[i]
            if rows and (lengths[i] != lengths[rows[0]] or n_tokens + added > max_tokens):
                yield rows
                rows, n_tokens = [], 0
            rows.append(i)
            n_tokens += added
        if rows:
            yield rows

    def feed(
        self, pairs: Sequence[EncodedPair], n_scores: Sequence[int], tasks: NDArray[np.int64]
    ) -> dict[str, NDArray[Any]]:
        """Gives the graph's inputs of one batch.

        Args:
            pairs: Pairs of equal row lengths, at least one.
            n_scores: Tasks that each is scored under.
            tasks: These tasks, pair by pair, int64[scored].

        Returns:
            ``token_ids``, ``type_ids``, ``position_ids``, ``side`` (int64[tokens]); ``spread``
            (int64[pairs, sides, length]), the token that stands at each place, -1 for none, and ``place``
            (int64[tokens, 2]), row and column of each token; ``again`` (int64[scored tokens]), which token each token
            of a score is; ``scored_spread``, ``scored_place`` as before, of the scores' tokens; ``task``
            (int64[scored]).
        """
        length, scored_length = self._lengths(pairs[0])
        starts = np.cumsum([0, *(len(pair) for pair in pairs)])
        repeated = [i for i, n in enumerate(n_scores) for _ in range(n)]
        spread, place = _spread(pairs, self.sides, length)
        scored_spread, scored_place = _spread([pairs[i] for i in repeated], self.scored_sides, scored_length)
        return {
            **{
                name: np.concatenate([getattr(pair, name) for pair in pairs]).astype(np.int64)
                for name in ("token_ids", "type_ids", "position_ids", "side")
            },
            "spread": spread,
            "place": place,
            "again": np.concatenate([np.arange(starts[i], starts[i + 1]) for i in repeated]),
            "scored_spread": scored_spread,
            "scored_place": scored_place,
            "task": tasks,
        }

    def _lengths(self, pair: EncodedPair) -> tuple[int, int]:
        n_second = int(pair.side.sum())
        by_sides = {1: len(pair), 2: max(n_second, len(pair) - n_second)}
        return (_filled_up(by_sides[self.sides]), _filled_up(by_sides[self.scored_sides]))


def _filled_up(length: int) -> int:
    return length + -length % _STEP


def _spread(pairs: Sequence[EncodedPair], sides: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gives the token at every place, [pairs, sides, length], and row and column of every token, [tokens, 2]."""
    place = np.empty((sum(map(len, pairs)), 2), dtype=np.int64)
    first = 0
    for row, pair in enumerate(pairs):
        part = place[first : first + len(pair)]
        first += len(pair)
        if sides == 1:
            part[:, 0], part[:, 1] = row, np.arange(len(pair))
        else:
            # Counts the tokens of its own text before each token, whatever order the texts stand in.
            second = pair.side.astype(np.int64)
            part[:, 0] = 2 * row + second
            part[:, 1] = np.where(second == 1, np.cumsum(second), np.cumsum(1 - second)) - 1
    spread = np.full((len(pairs) * sides, length), -1, dtype=np.int64)
    spread[place[:, 0], place[:, 1]] = np.arange(len(place))
    return spread.reshape(len(pairs), sides, length), place
