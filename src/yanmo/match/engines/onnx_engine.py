"""The ONNX engine: encoded pairs to logits by ONNX Runtime, from one ``model.onnx``; needs no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..folder import ONNX_FILES
from .graph_engine import CARD_KEY, INPUTS, OUTPUTS, WRITE_AGAIN, GraphEngine, check_threads, read_card
from .head_graph import HEAD_INPUTS, cut_head
from .onnx_runtime import onnxruntime, runtime_errors
from .packed_rows import PACKED_INPUTS, PackedForm

__all__ = ["OnnxEngine"]

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

# Pairs of vectors scored at a time: their features take 3 KB each.
_VECTOR_PAIRS = 4096

# What an older ONNX Runtime says of a newer graph: of its format, its operations, or those of its own that it lacks.
_NEWER = ("ir version", "ir_version", "opset", "is not a registered function", "not implemented", "not_implemented")
_UPDATE = "this onnxruntime is too old for the graph: pip install -U onnxruntime"


def _is_newer(reason: str) -> bool:
    return any(sign in reason.casefold() for sign in _NEWER)


class OnnxEngine(GraphEngine):
    """Scores encoded pairs with ONNX Runtime.

    Args:
        path: The graph, as ``yanmo export`` writes it.
        n_threads: Threads of one matrix product; None takes as many as the process may use.
        max_tokens: Largest number of rows times longest row in a batch.

    Raises:
        InputError: The file is missing, is no graph, or is not one of a matcher.
    """

    files_in_folder = ONNX_FILES
    """Patterns of the files that hold its graph."""

    def __init__(self, path: Path, *, n_threads: int | None = None, max_tokens: int = 2048) -> None:
        if not path.is_file():
            raise InputError("the graph is missing", where=path, fix="write it with yanmo export, or copy it again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = check_threads(n_threads)
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Memory plans are kept for every shape seen, and almost every batch has another one.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._options = options
        self._head: Any = None
        try:
            self._session = self._opened(path)
        except _LOAD_ERRORS as error:
            reason = str(error).strip().split("\n")[0]
            raise InputError(
                f"cannot be loaded as an ONNX graph by onnxruntime {onnxruntime.__version__} ({reason})",
                where=path,
                fix=_UPDATE if _is_newer(reason) else WRITE_AGAIN,
            ) from error
        found = {entry.name: entry.type for entry in self._session.get_inputs()}
        is_packed = "spread" in found
        has_rows = is_packed or "row" in found
        asked = PACKED_INPUTS if is_packed else INPUTS
        for name in sorted(asked.keys() | found.keys() if has_rows else (asked.keys() | found.keys()) - {"row"}):
            if found.get(name) != asked.get(name):
                raise InputError(
                    f"the graph's input '{name}' is {found.get(name, 'missing')}, a matcher has "
                    f"{asked.get(name, 'none of that name')}",
                    where=path,
                    fix=WRITE_AGAIN,
                )
        card = read_card(self._session.get_modelmeta().custom_metadata_map.get(CARD_KEY), path)
        super().__init__(
            path, card, max_tokens=max_tokens, has_rows=has_rows, packed=self._form(path) if is_packed else None
        )

    def _form(self, path: Path) -> PackedForm:
        shapes = {entry.name: entry.shape for entry in self._session.get_inputs()}
        of_pair, of_score = (
            shapes[name][1] if len(shapes[name]) == 3 else None for name in ("spread", "scored_spread")
        )
        if of_pair not in (1, 2) or of_score not in (1, 2):
            problem = f"the graph's pairs have {of_pair} and {of_score} rows, a matcher's have 1 or 2"
            raise InputError(problem, where=path, fix=WRITE_AGAIN)
        return PackedForm(sides=of_pair, scored_sides=of_score)

    @property
    def version(self) -> str:
        """ONNX Runtime and its version."""
        return f"onnxruntime {onnxruntime.__version__}"

    @property
    def files(self) -> Sequence[Path]:
        """The path of ``model.onnx``, the only file."""
        return (self.path,)

    def run(self, feed: Mapping[str, NDArray[Any]], *, output: str = "logits") -> NDArray[np.float32]:
        """Computes one output of one batch, and nothing that it does not need."""
        found: NDArray[np.float32] = self._session.run([output], dict(feed))[0]
        return found

    def run_both(self, feed: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Computes the logits and the vectors of one batch."""
        logits, vectors = self._session.run([*OUTPUTS], dict(feed))
        return logits, vectors

    def score_vectors(
        self, first: NDArray[np.floating], second: NDArray[np.floating], task_indices: Sequence[int]
    ) -> NDArray[np.float32]:
        """Scores pairs by the vectors of their texts, with the part of the graph above them.

        Args:
            first: Vectors of the first texts, [n, hidden].
            second: Those of the second texts.
            task_indices: Task of each pair.

        Returns:
            One logit a pair, float32[n].

        Raises:
            InputError: The graph gives no vectors, or scores read more of the texts than these.
        """
        if self._head is None:
            try:
                self._head = self._opened(cut_head(self.path.read_bytes()))
            except InputError as error:
                raise InputError(error.problem, where=self.path, fix=error.fix) from error
        wanted = {entry.name for entry in self._head.get_inputs()}
        tasks = np.asarray(task_indices, dtype=np.int64)
        logits = [np.empty(0, dtype=np.float32)]
        for start in range(0, len(tasks), _VECTOR_PAIRS):
            part = slice(start, start + _VECTOR_PAIRS)
            sides = zip(HEAD_INPUTS, (first[part], second[part]), strict=True)
            feed: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(side, dtype=np.float32) for name, side in sides}
            feed |= {"task": tasks[part], "row": np.arange(len(tasks[part]))}
            logits.append(self._head.run(["logits"], {name: feed[name] for name in feed if name in wanted})[0])
        return np.concatenate(logits)

    def _opened(self, graph: Path | bytes) -> Any:
        return onnxruntime.InferenceSession(
            graph,
            self._options,
            providers=["CPUExecutionProvider"],
            # Its fused kernel is a plain loop: a sum and a normalization take half its time.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
