"""What trained standards compute of pairs: logits and vectors, each asked for once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..match.engines.engine import Engine
from ..match.engines.learned_engine import GivesVectors, trained_engine
from ..match.matcher import Matcher
from ..tokenize import EncodedPair, PairBudget

__all__ = ["Readings"]


class Readings:
    """Some pairs as every trained standard of a matcher sees them, computed when asked for and then kept.

    Args:
        engine: Scores the trained standards.
        names: These, in the order of their indices.
        rows: The pairs, encoded.
    """

    def __init__(self, engine: Engine, names: Sequence[str], rows: Sequence[EncodedPair]) -> None:
        self.names = tuple(names)
        self._engine = engine
        self._rows = list(rows)
        self._logits: dict[str, NDArray[np.float32]] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def of(cls, matcher: Matcher, pairs: Sequence[tuple[str, str]], *, budget: PairBudget) -> "Readings":
        """Encodes pairs.

        Args:
            matcher: The matcher; its learned standards are left aside.
            pairs: The texts.
            budget: How much of each pair is read, for all standards alike, in one window.

        Returns:
            Their readings.
        """
        rows: list[EncodedPair] = []
        if pairs:
            plain = replace(budget, windows=None)
            read = matcher.pair_encoder.encode_windows(list(pairs), budgets=[plain] * len(pairs))
            rows = [windowed.windows[0] for windowed in read]
        return cls(trained_engine(matcher.engine), matcher.matching.trained, rows)

    def __len__(self) -> int:
        return len(self._rows)

    def only(self, rows: NDArray[np.int64]) -> "Readings":
        """Gives the readings of some of the pairs, with nothing computed yet.

        Args:
            rows: Their places, int64[n].

        Returns:
            The readings.
        """
        return Readings(self._engine, self.names, [self._rows[i] for i in rows])

    @property
    def has_vectors(self) -> bool:
        """Whether the engine gives vectors of texts."""
        return isinstance(self._engine, GivesVectors) and self._engine.has_vectors

    def logits(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Gives the logits under some standards.

        Args:
            names: Trained standards.

        Returns:
            float32[n, names].
        """
        missing = [name for name in names if name not in self._logits]
        if missing:
            rows, tasks = self._spread(missing)
            found = self._engine.logits(rows, tasks).reshape(len(self), len(missing))
            self._logits.update({name: found[:, i] for i, name in enumerate(missing)})
        return np.stack([self._logits[name] for name in names], axis=1)

    def vectors(self, name: str) -> NDArray[np.float32]:
        """Gives the texts' mean vectors under one standard.

        Args:
            name: A trained standard.

        Returns:
            float32[n, 2, hidden].

        Raises:
            TypeError: The engine gives none; see ``has_vectors``.
        """
        if name not in self._vectors:
            if not isinstance(self._engine, GivesVectors):
                raise TypeError("this engine gives no vectors")
            logits, vectors = self._engine.logits_and_vectors(*self._spread([name]))
            self._logits.setdefault(name, logits)
            self._vectors[name] = vectors
        return self._vectors[name]

    def all_of(self, names: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gives logits and vectors under several standards at once, which shares the most work; nothing is kept.

        Args:
            names: Trained standards.

        Returns:
            float32[n, names] and float32[n, names, 2, hidden].

        Raises:
            TypeError: The engine gives no vectors; see ``has_vectors``.
        """
        if not isinstance(self._engine, GivesVectors):
            raise TypeError("this engine gives no vectors")
        logits, vectors = self._engine.logits_and_vectors(*self._spread(names))
        shape = (len(self), len(names))
        return logits.reshape(shape), vectors.reshape(*shape, *vectors.shape[1:])

    def _spread(self, names: Sequence[str]) -> tuple[list[EncodedPair], list[int]]:
        # A pair under all names in a row, as one object: what no condition touches is then computed once.
        indices = [self.names.index(name) for name in names]
        return [row for row in self._rows for _ in names], indices * len(self)
