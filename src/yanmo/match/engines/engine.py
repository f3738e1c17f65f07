"""What a matcher asks of an engine, whatever computes behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...tokenize import EncodedPair
from .identity import EngineIdentity

__all__ = ["ComparesVectors", "Engine", "GivesTextVectors", "KeepsTexts"]


@runtime_checkable
class Engine(Protocol):
    """What computes the logits: torch, or ONNX Runtime where there is no torch."""

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """One logit a pair, float32[n], in the given order and the same in any company."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the weights into an existing folder."""
        ...

    def identity(self) -> EngineIdentity:
        """Says what computes with which weights."""
        ...


@runtime_checkable
class KeepsTexts(Protocol):
    """An engine that can compute what texts cost alone ahead of the pairs they will be in."""

    def keep(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> int:
        """Computes what the texts of pairs cost alone, keeps it for later calls, and says how many bytes are kept."""
        ...

    def forget(self) -> None:
        """Drops what ``keep`` keeps."""
        ...


@runtime_checkable
class GivesTextVectors(Protocol):
    """An engine that gives the vector of each text of a pair."""

    def vectors(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """The mean vector of each text of each pair under its task, float32[n, 2, hidden]."""
        ...


@runtime_checkable
class ComparesVectors(GivesTextVectors, Protocol):
    """An engine that also scores two vectors as it scores the pair."""

    def score_vectors(
        self, first: NDArray[np.floating], second: NDArray[np.floating], task_indices: Sequence[int]
    ) -> NDArray[np.float32]:
        """One logit for each two vectors, [n, hidden] each, under its task, float32[n]; their length is no matter."""
        ...
