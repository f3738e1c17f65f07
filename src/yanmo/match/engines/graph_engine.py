"""What every engine of an exported graph does: its card, its checks, batches sorted by length; needs no torch."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from ...atomic import replacing
from ...errors import InputError
from ...tokenize import EncodedPair
from ...tokenize.batches import pad_pairs, sorted_batches
from ...yaml_file import refusal_of
from ..architecture import Architecture
from .identity import EngineIdentity, digest_files
from .packed_rows import PackedForm

__all__ = ["CARD_KEY", "INPUTS", "OUTPUTS", "WRITE_AGAIN", "GraphCard", "GraphEngine", "check_threads", "read_card"]

CARD_KEY = "yanmo"
INPUTS = {
    "token_ids": "tensor(int64)",
    "type_ids": "tensor(int64)",
    "position_ids": "tensor(int64)",
    "side": "tensor(int64)",
    "mask": "tensor(bool)",
    "task": "tensor(int64)",
    "row": "tensor(int64)",
}
"""Inputs of a padded graph and their types: [batch, seq], and [scored] for the task and the pair's row."""
WRITE_AGAIN = "the file is damaged or of another program; copy it again, or write it with yanmo export"


OUTPUTS = ("logits", "vectors")
"""Outputs of a matcher's graph: float32[scored], and float32[scored, 2, hidden], which graphs of Yanmo 0.1 lack."""


class GraphCard(BaseModel):
    """What a graph says about itself, in its metadata under the key ``yanmo``.

    Attributes:
        n_tasks: Tasks it knows, numbered from 0.
        vocab_size: Rows of its word table.
        max_tokens: Largest number of positions; None where there is no end.
        pad_id: Token id of padding.
        architecture: How the network was built, as in ``matching.json``.
        activation_group: Neighbors in a token's vector that share a scale where an engine rounds activations; None
            where it must not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_tasks: int
    vocab_size: int
    max_tokens: int | None
    pad_id: int
    architecture: Architecture
    activation_group: int | None = None


class GraphEngine(ABC):
    """Scores encoded pairs with a graph: sorted by length, in batches of a token budget, back in the given order.

    Args:
        path: The file of the graph.
        card: What it says about itself.
        max_tokens: Largest number of rows times longest row in a batch.
        has_rows: Whether the graph scores a row under several tasks at once; graphs of Yanmo 0.1 do not.
        packed: How the graph wants its tokens, where it takes a line of them; None for graphs that take padded rows.
    """

    def __init__(
        self, path: Path, card: GraphCard, *, max_tokens: int, has_rows: bool, packed: PackedForm | None = None
    ) -> None:
        self.path = path
        self.card = card
        self.max_tokens = max_tokens
        self.has_rows = has_rows
        self.packed = packed

    @abstractmethod
    def run(self, feed: Mapping[str, NDArray[Any]], *, output: str = "logits") -> NDArray[np.float32]:
        """Computes one output of one batch, float32[scored, ...], from the graph's inputs."""

    def run_both(self, feed: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Computes the logits and the vectors of one batch, float32[scored] and float32[scored, 2, hidden].

        In two passes where an engine does not do it in one.
        """
        return self.run(feed), self.run(feed, output="vectors")

    @property
    @abstractmethod
    def version(self) -> str:
        """Name and version of the program that computes."""

    @property
    @abstractmethod
    def files(self) -> Sequence[Path]:
        """The files that the graph is made of."""

    def check(self, architecture: Architecture, *, n_tasks: int) -> None:
        """Makes sure that the graph is that of a ``matching.json``.

        Args:
            architecture: What the file says about the network.
            n_tasks: Number of its tasks.

        Raises:
            InputError: It is of another matcher.
        """
        fix = f"matching.json and {self.path.name} must be of one export"
        if self.card.n_tasks != n_tasks:
            problem = f"the graph knows {self.card.n_tasks} tasks, matching.json has {n_tasks}"
            raise InputError(problem, where=self.path, fix=fix)
        theirs, ours = architecture.model_dump(mode="json"), self.card.architecture.model_dump(mode="json")
        for name, value in theirs.items():
            if value != ours[name]:
                problem = f"the graph has {name} = {ours[name]!r}, matching.json {value!r}"
                raise InputError(problem, where=self.path, fix=fix)

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """Scores pairs; each score is the same alone or in any company, to rounding.

        A pair that is given with several tasks, as one object, goes once through the layers that no task touches.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            One logit a pair in the given order, float32[n].

        Raises:
            InputError: A pair has more tokens than the encoder has positions.
        """
        return self._computed(pairs, task_indices, self.run)

    def vectors(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """Gives the mean vector of each text of each pair under its task.

        Where the texts do not meet in the encoder, a text's vector is the same beside any other text.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            The vectors in the given order, float32[n, 2, hidden].

        Raises:
            InputError: The graph is of an earlier Yanmo and has none, or a pair has more tokens than the encoder has
                positions.
        """
        self._check_vectors()
        return self._computed(pairs, task_indices, lambda feed: self.run(feed, output="vectors"))

    @property
    def has_vectors(self) -> bool:
        """Whether the graph gives the texts' vectors; those of Yanmo 0.1 do not."""
        return self.has_rows

    def logits_and_vectors(
        self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gives what ``logits`` and ``vectors`` give, at the cost of one; arguments and errors as there."""
        self._check_vectors()

        def side_by_side(feed: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
            logits, vectors = self.run_both(feed)
            return np.concatenate([logits[:, None], vectors.reshape(len(logits), -1)], axis=1)

        found = self._computed(pairs, task_indices, side_by_side)
        if not len(found):
            return found, np.empty((0, 2, 0), dtype=np.float32)
        return found[:, 0], found[:, 1:].reshape(len(found), 2, -1)

    def _check_vectors(self) -> None:
        if not self.has_rows:
            raise InputError("the graph gives no vectors", where=self.path, fix="write it again with yanmo export")

    def _computed(
        self,
        pairs: Sequence[EncodedPair],
        task_indices: Sequence[int],
        compute: Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        limit = self.card.max_tokens
        longest = max((int(pair.position_ids.max()) + 1 for pair in pairs), default=0)
        if limit is not None and longest > limit:
            raise InputError(f"a pair has {longest} positions, the encoder {limit}", fix="lower the task's budget")
        made: dict[int, NDArray[np.float32]] = {}
        tasks = np.asarray(task_indices, dtype=np.int64)
        places: dict[int, list[int]] = {}
        for place, pair in enumerate(pairs):
            places.setdefault(id(pair) if self.has_rows else place, []).append(place)
        groups = list(places.values())
        for batch in self._batches([pairs[group[0]] for group in groups], [len(group) for group in groups]):
            chosen, n_scores = [pairs[groups[i][0]] for i in batch], [len(groups[i]) for i in batch]
            scored = [place for i in batch for place in groups[i]]
            if self.packed is not None:
                feed = self.packed.feed(chosen, n_scores, tasks[scored])
            else:
                feed = pad_pairs(chosen, pad_id=self.card.pad_id) | {"task": tasks[scored]}
                if self.has_rows:
                    feed["row"] = np.repeat(np.arange(len(batch)), n_scores)
            made.update(zip(scored, compute(feed), strict=True))
        return np.stack([made[place] for place in range(len(pairs))]) if made else np.empty(0, dtype=np.float32)

    def _batches(self, pairs: Sequence[EncodedPair], n_scores: Sequence[int]) -> Iterator[list[int]]:
        if self.packed is not None:
            return self.packed.batches(pairs, n_scores, max_tokens=self.max_tokens)
        return sorted_batches([len(pair) for pair in pairs], max_tokens=self.max_tokens // max(n_scores, default=1))

    def identity(self) -> EngineIdentity:
        """Says which program computes with which graph."""
        return EngineIdentity(self.version, digest_files(self.files))

    def save(self, folder: Path) -> None:
        """Copies the graph's files and, where it lies beside them, ``config.json``.

        Args:
            folder: An existing folder.
        """
        for source in (*self.files, self.path.with_name("config.json")):
            if source.is_file():
                with replacing(folder / source.name) as temporary:
                    shutil.copyfile(source, temporary)


def check_threads(n_threads: int | None) -> int:
    """Gives the number of threads to compute with.

    Args:
        n_threads: What was asked for; None for as many as the process may use.

    Returns:
        The number.

    Raises:
        InputError: It is below 1.
    """
    if n_threads is not None and n_threads < 1:
        raise InputError(f"{n_threads} threads cannot compute anything", fix="give 1 or more, or None")
    return n_threads or _usable_cpus()


def read_card(text: str | None, path: Path) -> GraphCard:
    """Reads what a graph says about itself.

    Args:
        text: The description, if it has one.
        path: The file, named in errors.

    Returns:
        The card.

    Raises:
        InputError: There is none, or it is of another version.
    """
    if text is None:
        raise InputError("the graph has no description of a matcher", where=path, fix=WRITE_AGAIN)
    try:
        return GraphCard.model_validate_json(text)
    except ValidationError as error:
        problem = f"the graph's description cannot be read ({refusal_of(error)})"
        raise InputError(problem, where=path, fix="update Yanmo, or write the graph again with yanmo export") from error


def _usable_cpus() -> int:
    # A container or taskset may allow fewer than the machine has; not every system can tell.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
