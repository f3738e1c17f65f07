"""The OpenVINO engine: encoded pairs to logits from ``openvino_model.xml``; needs the extra ``openvino``, no torch."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, require_extra
from ..folder import OPENVINO_FILES
from .graph_engine import CARD_KEY, OUTPUTS, WRITE_AGAIN, GraphEngine, check_threads, read_card

__all__ = ["OpenVinoEngine", "rewrite_graph"]


class OpenVinoEngine(GraphEngine):
    """Scores encoded pairs with OpenVINO.

    With rounded weights it rounds activations in 8 bits too, each token's by scales of its own, where the processor
    multiplies 8-bit numbers fast (VNNI), and may compute the rest in bfloat16 where there is hardware for it. A graph
    of float weights is computed in float32 everywhere.

    Args:
        path: The graph, as ``yanmo export --openvino`` writes it.
        n_threads: Threads; None takes as many as the process may use.
        max_tokens: Largest number of rows times longest row in a batch.

    Raises:
        InputError: The file is missing, damaged, or not that of a matcher.
        MissingExtraError: OpenVINO is not installed.
    """

    files_in_folder = OPENVINO_FILES
    """Patterns of the files that hold its graph."""

    def __init__(self, path: Path, *, n_threads: int | None = None, max_tokens: int = 2048) -> None:
        core = _core_of(require_extra("openvino", extra="openvino"))
        for file in _files(path):
            if not file.is_file():
                raise InputError("is missing", where=file, fix="write it with yanmo export, or copy it again")
        try:
            graph = core.read_model(path)
        except RuntimeError as error:
            reason = str(error).strip().split("\n")[-1]
            raise InputError(f"cannot be read by OpenVINO ({reason})", where=path, fix=WRITE_AGAIN) from error
        known = graph.has_rt_info(CARD_KEY)
        card = read_card(graph.get_rt_info(CARD_KEY).astype(str) if known else None, path)
        settings = {
            "INFERENCE_NUM_THREADS": check_threads(n_threads),
            "PERFORMANCE_HINT": "LATENCY",
            # Several processes of one thread each would all sit on the first core.
            "ENABLE_CPU_PINNING": False,
        }
        if card.activation_group is not None:
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(card.activation_group)
        else:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        self._compiled = core.compile_model(graph, "CPU", settings)
        self._inputs = {port.get_any_name() for port in self._compiled.inputs}
        super().__init__(path, card, max_tokens=max_tokens, has_rows="row" in self._inputs)

    @property
    def version(self) -> str:
        """OpenVINO and its version."""
        return f"openvino {version('openvino')}"

    @property
    def files(self) -> Sequence[Path]:
        """The graph and its weights."""
        return _files(self.path)

    def run(self, feed: Mapping[str, NDArray[Any]], *, output: str = "logits") -> NDArray[np.float32]:
        """Computes one batch, and gives one output of it."""
        # Graphs of one output, as Yanmo 0.1 wrote them, have the logits first as well.
        return np.array(self._request(feed).get_output_tensor(OUTPUTS.index(output)).data)

    def run_both(self, feed: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Computes the logits and the vectors of one batch."""
        request = self._request(feed)
        logits, vectors = (np.array(request.get_output_tensor(i).data) for i in range(len(OUTPUTS)))
        return logits, vectors

    def _request(self, feed: Mapping[str, NDArray[Any]]) -> Any:
        # An architecture that ignores an input has none of it here; requests are not shared between threads.
        request = self._compiled.create_infer_request()
        request.infer({name: array for name, array in feed.items() if name in self._inputs})
        return request


def rewrite_graph(source: Path, target: Path) -> None:
    """Rewrites an ONNX graph, with what it says about itself, in OpenVINO's own form.

    Args:
        source: The graph, of standard operations only.
        target: The ``.xml`` to write; the weights go beside it.

    Raises:
        MissingExtraError: OpenVINO or onnx is not installed.
        InputError: It cannot be written.
    """
    openvino = require_extra("openvino", extra="openvino")
    onnx = require_extra("onnx", extra="onnx")
    told = {entry.key: entry.value for entry in onnx.load(source, load_external_data=False).metadata_props}
    graph = _core_of(openvino).read_model(source)
    graph.set_rt_info(told[CARD_KEY], CARD_KEY)
    # Weights are mapped into memory: a file that is in use must be replaced, never written over.
    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        try:
            openvino.save_model(graph, Path(beside) / target.name, compress_to_fp16=False)
        except RuntimeError as error:  # which says no more than "iostream error" of a full disk
            raise InputError(f"cannot be written ({error})", where=target, fix="make room on the disk") from error
        for file in _files(Path(beside) / target.name):
            file.replace(target.with_name(file.name))


@cache
def _core_of(openvino: Any) -> Any:
    """Gives OpenVINO's core object, made once per process and kept until it ends.

    Each ``Core`` gives the thread a signal stack of its own and, at its end, the one before it. Two that end in the
    order of their making leave a stack that is freed: the next signal, a Ctrl-C say, ends the process without a word.
    """
    return openvino.Core()


def _files(path: Path) -> tuple[Path, Path]:
    return path, path.with_suffix(".bin")
