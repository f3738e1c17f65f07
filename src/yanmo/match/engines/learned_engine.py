"""An engine over another: trained standards as before, to the bit, and beside them those learned from a few pairs."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...tokenize import EncodedPair
from .engine import Engine, KeepsTexts
from .identity import EngineIdentity
from .learned_head import LearnedHead, save_learned

__all__ = ["GivesVectors", "LearnedEngine", "heads_of", "trained_engine", "with_heads"]


@runtime_checkable
class GivesVectors(Protocol):
    """An engine that gives the texts' vectors beside the logits, at no cost of their own."""

    @property
    def has_vectors(self) -> bool:
        """Whether this one does: graphs of Yanmo 0.1 give none, nor do heads that read the first token only."""
        ...

    def logits_and_vectors(
        self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits as ``Engine.logits`` gives them, and each text's mean vector, float32[n, 2, hidden]."""
        ...


class LearnedEngine:
    """Adds learned standards to an engine: their indices follow those of the trained ones.

    Rows under trained standards go to the engine in one call of their own, as if nothing had been added, so their
    scores stay what they were bit for bit, whoever else is scored beside them.

    Args:
        inner: Scores the trained standards.
        trained: Their names, in the order of their indices.
        heads: The learned ones, in the order of theirs.

    Raises:
        InputError: A head needs vectors that the engine does not give, or a source that is not there.
    """

    def __init__(self, inner: Engine, trained: Sequence[str], heads: Mapping[str, LearnedHead]) -> None:
        self.inner = inner
        self.trained = tuple(trained)
        self.heads = dict(heads)
        self._by_index = dict(enumerate(heads.values(), start=len(trained)))
        for name, head in heads.items():
            missing = sorted({source.name for source in head.sources} - set(trained))
            if missing:
                raise InputError(f"'{name}' is computed from {', '.join(missing)}, which this matcher does not know")
            if head.reads_vectors and not (isinstance(inner, GivesVectors) and inner.has_vectors):
                raise InputError(f"'{name}' reads texts' vectors, which {type(inner).__name__} does not give")

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """One logit a pair, float32[n], in the given order."""
        tasks = np.asarray(task_indices, dtype=np.int64)
        learned = np.flatnonzero(tasks >= len(self.trained))
        if not len(learned):
            return self.inner.logits(pairs, task_indices)
        found = np.empty(len(pairs), dtype=np.float32)
        plain = np.flatnonzero(tasks < len(self.trained)).tolist()
        if plain:
            found[plain] = self.inner.logits([pairs[i] for i in plain], tasks[plain].tolist())
        for index, head in self._by_index.items():
            rows = np.flatnonzero(tasks == index).tolist()
            if rows:
                found[rows] = self._head_logits(head, [pairs[i] for i in rows])
        return found

    def _head_logits(self, head: LearnedHead, pairs: Sequence[EncodedPair]) -> NDArray[np.float32]:
        names = [source.name for source in head.sources]
        # A pair under all its sources in a row, as one object: what no condition touches is then computed once.
        rows = [pair for pair in pairs for _ in names]
        indices = [self.trained.index(name) for name in names] * len(pairs)
        vectors: Mapping[str, NDArray[np.float32]] = {}
        if head.reads_vectors and isinstance(self.inner, GivesVectors):
            logits, found = self.inner.logits_and_vectors(rows, indices)
            vectors = {name: found[i :: len(names)] for i, name in enumerate(names)}
        else:
            logits = self.inner.logits(rows, indices)
        return head.logits({name: logits[i :: len(names)] for i, name in enumerate(names)}, vectors)

    def keep(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> int:
        """Keeps what texts cost alone, for learned standards under each of their sources; see ``KeepsTexts``."""
        if not isinstance(self.inner, KeepsTexts):
            raise InputError(
                "an exported matcher computes both texts at once and cannot keep one",
                fix="load the folder it was trained in",
            )
        rows, indices = [], []
        for pair, index in zip(pairs, task_indices, strict=True):
            head = self._by_index.get(index)
            asked = [index] if head is None else [self.trained.index(source.name) for source in head.sources]
            rows += [pair] * len(asked)
            indices += asked
        return self.inner.keep(rows, indices)

    def forget(self) -> None:
        """Drops what ``keep`` keeps."""
        if isinstance(self.inner, KeepsTexts):
            self.inner.forget()

    def save(self, folder: Path) -> None:
        """Writes the engine's files, untouched, and ``learned.json`` beside them."""
        self.inner.save(folder)
        save_learned(self.heads, folder)

    def identity(self) -> EngineIdentity:
        """What computes, with which weights, those of the learned standards included."""
        inner = self.inner.identity()
        digest = hashlib.sha256(inner.weights.encode())
        for name, head in self.heads.items():
            digest.update(f"{name} {head.model_dump_json()}\n".encode())
        return EngineIdentity(inner.engine, digest.hexdigest())


def trained_engine(engine: Engine) -> Engine:
    """Gives the engine of the trained standards alone.

    Args:
        engine: Any engine.

    Returns:
        What a `LearnedEngine` stands over; any other engine itself.
    """
    return engine.inner if isinstance(engine, LearnedEngine) else engine


def heads_of(engine: Engine) -> dict[str, LearnedHead]:
    """Gives the heads of the learned standards; none for an engine without."""
    return dict(engine.heads) if isinstance(engine, LearnedEngine) else {}


def with_heads(engine: Engine, trained: Sequence[str], heads: Mapping[str, LearnedHead]) -> Engine:
    """Gives the engine with these learned standards and no others.

    Args:
        engine: Any engine.
        trained: Names of the trained standards, in order.
        heads: The heads, in the order of their standards.

    Returns:
        An engine over the same weights; the plain one where there are no heads.

    Raises:
        InputError: A head does not fit the engine.
    """
    plain = trained_engine(engine)
    return LearnedEngine(plain, trained, heads) if heads else plain
