"""An engine that computes no score twice, for runs of several steps over the same few pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...tokenize import EncodedPair
from .engine import Engine
from .identity import EngineIdentity

__all__ = ["RememberingEngine"]

_Key: TypeAlias = tuple[bytes, bytes, bytes, bytes, int]


class RememberingEngine:
    """Scores by another engine, and keeps every logit that it gave; scores do not hang on company.

    Args:
        engine: Computes what was not asked for before.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[_Key, np.float32] = {}

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """One logit a pair, float32[n], in the given order."""
        keys = [_key(pair, task) for pair, task in zip(pairs, task_indices, strict=True)]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            found = self._engine.logits(
                [pairs[row] for row in new.values()], [task_indices[row] for row in new.values()]
            )
            self._known.update(zip(new, found, strict=True))
        return np.array([self._known[key] for key in keys], dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Writes the other engine's weights into an existing folder."""
        self._engine.save(folder)

    def identity(self) -> EngineIdentity:
        """Says what the other engine computes with."""
        return self._engine.identity()


def _key(pair: EncodedPair, task: int) -> _Key:
    ids, types, positions, side = (
        each.tobytes() for each in (pair.token_ids, pair.type_ids, pair.position_ids, pair.side)
    )
    return ids, types, positions, side, int(task)
