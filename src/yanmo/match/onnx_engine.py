"""The ONNX engine: encoded pairs to logits by ONNX Runtime, from one ``model.onnx``; needs no torch."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors
from pydantic import BaseModel, ConfigDict, ValidationError

from ..atomic import replacing
from ..errors import InputError
from ..tokenize import EncodedPair
from .architecture import Architecture
from .batches import pad_pairs, sorted_batches

__all__ = ["CARD_KEY", "INPUTS", "GraphCard", "OnnxEngine"]

CARD_KEY = "yanmo"
INPUTS = {
    "token_ids": "tensor(int64)",
    "type_ids": "tensor(int64)",
    "position_ids": "tensor(int64)",
    "side": "tensor(int64)",
    "mask": "tensor(bool)",
    "task": "tensor(int64)",
}
"""Inputs of a matcher's graph and their types: [batch, seq], and [batch] for the task."""
_AGAIN = "the file is damaged or of another program; copy it again, or write it with yanmo export"
# ONNX Runtime's errors share no class of their own.
_LOAD_ERRORS = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NoModel,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)


class GraphCard(BaseModel):
    """What a graph says about itself, in its metadata under the key ``yanmo``.

    Attributes:
        n_tasks: Tasks it knows, numbered from 0.
        vocab_size: Rows of its word table.
        max_tokens: Largest number of positions; None where there is no end.
        pad_id: Token id of padding.
        architecture: How the network was built, as in ``matching.json``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_tasks: int
    vocab_size: int
    max_tokens: int | None
    pad_id: int
    architecture: Architecture


class OnnxEngine:
    """Scores encoded pairs with ONNX Runtime: sorted by length, in batches of a token budget, back in the given order.

    Args:
        path: The graph, as ``yanmo export`` writes it.
        n_threads: Threads of one matrix product; None takes as many as the process may use.
        max_tokens: Largest number of rows times longest row in a batch.

    Attributes:
        card: What the graph says about itself.

    Raises:
        InputError: The file is missing, is no graph, or is not one of a matcher.
    """

    def __init__(self, path: Path, *, n_threads: int | None = None, max_tokens: int = 2048) -> None:
        if not path.is_file():
            raise InputError("the graph is missing", where=path, fix="write it with yanmo export, or copy it again")
        if n_threads is not None and n_threads < 1:
            raise InputError(f"{n_threads} threads cannot compute anything", fix="give 1 or more, or None")
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads or _n_usable_cpus()
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Memory plans are kept for every shape seen, and almost every batch has another one.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except _LOAD_ERRORS as error:
            reason = str(error).strip().split("\n")[0]
            raise InputError(f"cannot be loaded as an ONNX graph ({reason})", where=path, fix=_AGAIN) from error
        found = {entry.name: entry.type for entry in self._session.get_inputs()}
        for name in sorted(INPUTS.keys() | found.keys()):
            if found.get(name) != INPUTS.get(name):
                raise InputError(
                    f"the graph's input '{name}' is {found.get(name, 'missing')}, a matcher has "
                    f"{INPUTS.get(name, 'none of that name')}",
                    where=path,
                    fix=_AGAIN,
                )
        self.path = path
        self.card = _read_card(self._session.get_modelmeta().custom_metadata_map.get(CARD_KEY), path)
        self.max_tokens = max_tokens

    def check(self, architecture: Architecture, *, n_tasks: int) -> None:
        """Makes sure that the graph is that of a ``matching.json``.

        Args:
            architecture: What the file says about the network.
            n_tasks: Number of its tasks.

        Raises:
            InputError: It is of another matcher.
        """
        fix = "matching.json and model.onnx must be of one export"
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

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            One logit a pair in the given order, float32[n].

        Raises:
            InputError: A pair has more tokens than the encoder has positions.
        """
        limit = self.card.max_tokens
        longest = max((int(pair.position_ids.max()) + 1 for pair in pairs), default=0)
        if limit is not None and longest > limit:
            raise InputError(f"a pair has {longest} positions, the encoder {limit}", fix="lower the task's budget")
        scores = np.empty(len(pairs), dtype=np.float32)
        tasks = np.asarray(task_indices, dtype=np.int64)
        for rows in sorted_batches([len(pair) for pair in pairs], max_tokens=self.max_tokens):
            feed = pad_pairs([pairs[i] for i in rows], pad_id=self.card.pad_id)
            scores[rows] = self._session.run(["logits"], {**feed, "task": tasks[rows]})[0]
        return scores

    def save(self, folder: Path) -> None:
        """Copies ``model.onnx`` and, where it lies beside it, ``config.json``.

        Args:
            folder: An existing folder.
        """
        for source in (self.path, self.path.with_name("config.json")):
            if source.is_file():
                with replacing(folder / source.name) as temporary:
                    shutil.copyfile(source, temporary)


def _read_card(text: str | None, path: Path) -> GraphCard:
    if text is None:
        raise InputError("the graph has no description of a matcher", where=path, fix=_AGAIN)
    try:
        return GraphCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(step) for step in first["loc"])
        problem = f"the graph's description cannot be read ({name}: {first['msg']})"
        raise InputError(problem, where=path, fix="update Yanmo, or write the graph again with yanmo export") from error


def _n_usable_cpus() -> int:
    # A container or taskset may allow fewer than the machine has; not every system can tell.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
