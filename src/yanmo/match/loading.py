"""The engine of a matcher's folder: torch's where its weights are there, else that of the graph."""

from pathlib import Path

from ..errors import InputError, require_extra
from ..tokenize import Tokenizer
from ..tokenize.fitting import load_fitting_tokenizer
from .architecture import Architecture
from .devices import check_device
from .engines.engine import Engine
from .engines.graph_engine import GraphEngine
from .folder import ONNX_FILE, OPENVINO_FILE, TORCH_FILE

__all__ = ["load_engine"]


def load_engine(
    folder: Path, architecture: Architecture, *, n_tasks: int, device: str | None, n_threads: int | None
) -> tuple[Engine, Tokenizer, int | None]:
    """Loads what scores, and the tokenizer that fits it.

    Args:
        folder: The matcher's folder.
        architecture: How the network is built.
        n_tasks: Tasks it was trained on.
        device: Where torch runs; None for the CPU, the only one for graphs.
        n_threads: Threads of a graph; None takes as many as the process may use.

    Returns:
        The engine, the tokenizer, and the largest number of positions; None where there is no end.

    Raises:
        InputError: The files do not belong together, or ``device`` or ``n_threads`` is given to the engine that cannot
            honor it.
        MissingExtraError: The folder holds torch's weights, and torch is not installed.
    """
    graph = None if (folder / TORCH_FILE).is_file() else _graph_engine(folder, n_threads=n_threads)
    if graph is not None:
        if device not in (None, "cpu"):
            raise InputError(
                f"the device '{device}' is torch's, and the folder holds a graph",
                where=folder,
                fix="leave the device out, or load the folder it was trained in",
            )
        graph.check(architecture, n_tasks=n_tasks)
        return graph, load_fitting_tokenizer(folder, graph.card), graph.card.max_tokens
    if n_threads is not None:
        raise InputError("n_threads is for exported graphs", where=folder, fix="call torch.set_num_threads")
    require_extra("torch", extra="torch")
    from .engines.torch_engine import TorchEngine, load_classifier

    device = None if device is None else check_device(device)
    classifier, config = load_classifier(folder, architecture, n_tasks=n_tasks)
    engine = TorchEngine(classifier, config, device=device)
    return engine, load_fitting_tokenizer(folder, config), config.max_tokens


def _graph_engine(folder: Path, *, n_threads: int | None) -> GraphEngine | None:
    if (folder / OPENVINO_FILE).is_file():
        from .engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(folder / OPENVINO_FILE, n_threads=n_threads)
    if (folder / ONNX_FILE).is_file():
        from .engines.onnx_engine import OnnxEngine

        return OnnxEngine(folder / ONNX_FILE, n_threads=n_threads)
    return None
