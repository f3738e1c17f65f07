"""An exported graph's weights as a network that can be trained again: what export folds and rounds, taken apart."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...encode import EncoderConfig, read_config
from ...errors import InputError, require_extra
from ..architecture import Architecture
from ..folder import ONNX_FILE
from ..network.classifier import PairClassifier
from .torch_engine import build_classifier

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["classifier_of_graph"]

Arrays = dict[str, NDArray[np.generic]]

_PREFIX = "folded."
# Attention's matrices stand in parts of their own in graphs without padding: query, key and value, and what follows.
_ATTENTION = re.compile(r"attentions\.(?P<layer>\d+)\.(?:parts\.(?P<part>[012])|out)\.")
_PARTS = ("query", "key", "value")
# About the length of a task's vector as training starts it: 128 numbers within 0.05 of zero.
_VECTOR_LENGTH = 0.33


def classifier_of_graph(
    folder: Path, architecture: Architecture, *, n_tasks: int
) -> tuple[PairClassifier, EncoderConfig]:
    """Reads a matcher's network back from the graph it was exported as, to train on from it.

    Matrices come back as the graph rounds them. A conditional norm's folded tables, a scale and a shift for each task,
    come back exactly: its own scale is their mean, and each task's vector stands alone on an axis, so that
    ``weight + W_g c`` is the task's row again.

    Args:
        folder: An exported matcher's folder with ``model.onnx``.
        architecture: What its ``matching.json`` says.
        n_tasks: Number of tasks there.

    Returns:
        The network and its encoder's configuration.

    Raises:
        InputError: The graph stores a weight in a form that cannot be read back, or there are more tasks than a task's
            vector has numbers.
        MissingExtraError: The package onnx is not installed.
    """
    if architecture.conditional_from is not None and n_tasks > architecture.condition_width:
        raise InputError(
            f"{n_tasks} tasks cannot be told apart by vectors of {architecture.condition_width} numbers",
            where=folder,
            fix="start from the folder it was trained in",
        )
    config = read_config(folder)
    stored = _stored(folder / ONNX_FILE, n_tasks=n_tasks)
    model = build_classifier(config, architecture, n_tasks=n_tasks)
    state = model.state_dict()
    for name, ours in state.items():
        if name == "task_vectors.weight":
            ours.zero_()
            ours[:, :n_tasks] = _VECTOR_LENGTH * torch.eye(n_tasks)
        elif name in ("side_vectors", "is_sided"):
            shifts = _tensor(stored, "shifts", (n_tasks, config.width), where=folder)
            ours.copy_(shifts if name == "side_vectors" else (shifts != 0).any(1))
        elif (kind := name.rpartition("_map")[0]) and name.endswith("_map"):
            table = _tensor(stored, kind, (n_tasks, ours.shape[0]), where=folder)
            ours.zero_()
            ours[:, :n_tasks] = (table - table.mean(0)).T / _VECTOR_LENGTH
        elif f"{name}_map" in state:
            ours.copy_(_tensor(stored, name, (n_tasks, *ours.shape), where=folder).mean(0))
        else:
            ours.copy_(_tensor(stored, name, tuple(ours.shape), where=folder))
    return model, config


def _stored(path: Path, *, n_tasks: int) -> Arrays:
    """Gives the graph's weights by their names in the network, those in blocks as the numbers they stand for."""
    onnx = require_extra("onnx", extra="train")
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(path).graph
    except (DecodeError, OSError) as error:
        raise InputError(f"is no ONNX graph ({error})", where=path) from error
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    weights = {_in_network(name): array for name, array in arrays.items()}
    for node in graph.node:
        if node.op_type in ("MatMulNBits", "GatherBlockQuantized"):
            codes, scales = (node.input[1], node.input[2]) if node.op_type == "MatMulNBits" else node.input[::2]
            name = _in_network(codes).removesuffix(".codes")
            weights[f"{name}.weight"] = _unfolded(
                arrays[codes].astype(np.uint8), arrays[casts.get(scales, scales)], node
            )
        # The biases of tasks have lost their name: a column that is looked up by the task.
        elif node.op_type == "Gather" and node.input[1] == "task":
            table = arrays.get(node.input[0])
            if table is not None and table.shape == (n_tasks, 1):
                weights["task_bias"] = table[:, 0]
    return weights | _of_rows(weights)


def _of_rows(weights: Arrays) -> Arrays:
    """Gives the matrices of 8 bits by row, ``scale_out * code``; query, key and value stand side by side in one."""
    found: Arrays = {}
    for name, codes in weights.items():
        if codes.dtype != np.int8 or codes.ndim != 2 or not name.endswith(".codes"):
            continue
        layer = name.removesuffix(".codes")
        matrix = (codes.astype(np.float32) * weights[f"{layer}.scales"].astype(np.float32)).T
        attention, _, part = layer.rpartition(".")
        if part == _PARTS[0] and codes.shape[1] == len(_PARTS) * codes.shape[0]:
            for place, each in enumerate(_PARTS):
                own = slice(place * codes.shape[0], (place + 1) * codes.shape[0])
                found |= {
                    f"{attention}.{each}.weight": matrix[own],
                    f"{attention}.{each}.bias": weights[f"{layer}.bias"][own],
                }
        else:
            found[f"{layer}.weight"] = matrix
    return found


def _in_network(name: str) -> str:
    """The name in the network of a weight of the graph."""
    found = _ATTENTION.match(name)
    if found is None:
        return name.removeprefix(_PREFIX)
    part = "out" if found["part"] is None else _PARTS[int(found["part"])]
    return f"encoder.blocks.{found['layer']}.attention.{part}.{name[found.end() :]}"


def _unfolded(codes: NDArray[np.uint8], scales: NDArray[np.generic], node: "NodeProto") -> NDArray[np.float32]:
    """Gives the matrix that codes and scales of blocks stand for: ``scale * (code - 2^(bits-1))``."""
    values = {attribute.name: attribute.i for attribute in node.attribute}
    flat = codes.reshape(codes.shape[0], -1)
    if values["bits"] == 4:
        flat = np.stack([flat & 15, flat >> 4], -1).reshape(flat.shape[0], -1)
    blocks = flat.reshape(flat.shape[0], -1, values["block_size"]).astype(np.float32) - 2 ** (values["bits"] - 1)
    matrix = (blocks * scales.reshape(flat.shape[0], -1)[..., None].astype(np.float32)).reshape(flat.shape[0], -1)
    return np.ascontiguousarray(matrix[:, : values.get("K", matrix.shape[1])], dtype=np.float32)


def _tensor(stored: Arrays, name: str, shape: tuple[int, ...], *, where: Path) -> Tensor:
    array = stored.get(name)
    if array is None or array.shape != shape:
        has = "does not name" if array is None else f"has as {list(array.shape)}, not as {list(shape)},"
        raise InputError(
            f"the graph {has} the weight '{name}', so that it cannot be trained on",
            where=where / ONNX_FILE,
            fix="start from the folder it was trained in, or from an export in the form int4, int8 or int8-rows",
        )
    return torch.from_numpy(np.array(array, dtype=np.float32))
