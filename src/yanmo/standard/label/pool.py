"""The pairs of a labelling as trained standards see them: computed for the rows and standards that are asked for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...match.matcher import Matcher
from ...tokenize import PairBudget
from ..learn_readings import Readings

__all__ = ["PoolReadings"]


class PoolReadings:
    """Readings of some rows at a time: each number is computed once.

    Args:
        readings: The whole pool.
    """

    def __init__(self, readings: Readings) -> None:
        self._all = readings
        self.names = readings.names
        self._logits = np.full((len(readings), len(self.names)), np.nan, dtype=np.float32)
        self._vectors: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def of(cls, matcher: Matcher, pairs: Sequence[tuple[str, str]], *, budget: PairBudget) -> "PoolReadings":
        """Encodes a pool.

        Args:
            matcher: The matcher.
            pairs: The texts.
            budget: How much of each pair is read.

        Returns:
            The pool.
        """
        return cls(Readings.of(matcher, pairs, budget=budget))

    def __len__(self) -> int:
        return len(self._all)

    def rows(self, rows: NDArray[np.int64]) -> Readings:
        """Gives the readings of some rows, computed when they are asked for.

        Args:
            rows: Places in the pool, int64[n].

        Returns:
            The readings.
        """
        return _Rows(self, rows)

    @property
    def has_vectors(self) -> bool:
        """Whether there are vectors."""
        return self._all.has_vectors

    def logits(self, rows: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float32]:
        """Logits of rows under standards, float32[n, names]."""
        columns = self._columns(names)
        missing = np.isnan(self._logits[np.ix_(rows, columns)])
        if missing.any():
            some_rows, some_names = rows[missing.any(1)], [names[i] for i in np.flatnonzero(missing.any(0)).tolist()]
            found = self._all.only(some_rows).logits(some_names)
            self._logits[np.ix_(some_rows, self._columns(some_names))] = found
        return self._logits[np.ix_(rows, columns)]

    def _columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        return np.array([self.names.index(name) for name in names], dtype=np.int64)

    def vectors(self, rows: NDArray[np.int64], name: str) -> NDArray[np.float32]:
        """Vectors of rows under one standard, float32[n, 2, hidden]."""
        kept = self._vectors.get(name)
        missing = rows if kept is None else rows[np.isnan(kept[rows, 0, 0])]
        if len(missing):
            part = self._all.only(missing)
            found = part.vectors(name)
            if kept is None:
                kept = np.full((len(self), *found.shape[1:]), np.nan, dtype=np.float32)
                self._vectors[name] = kept
            kept[missing] = found
            self._logits[missing, self.names.index(name)] = part.logits([name])[:, 0]
        return self._vectors[name][rows]


class _Rows(Readings):
    def __init__(self, pool: PoolReadings, rows: NDArray[np.int64]) -> None:
        self.names = pool.names
        self._pool = pool
        self._places = rows

    def __len__(self) -> int:
        return len(self._places)

    def only(self, rows: NDArray[np.int64]) -> Readings:
        return _Rows(self._pool, self._places[rows])

    @property
    def has_vectors(self) -> bool:
        return self._pool.has_vectors

    def logits(self, names: Sequence[str]) -> NDArray[np.float32]:
        return self._pool.logits(self._places, names)

    def vectors(self, name: str) -> NDArray[np.float32]:
        return self._pool.vectors(self._places, name)
