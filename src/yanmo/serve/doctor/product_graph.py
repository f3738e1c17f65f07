"""Matrix products as ONNX graphs of one node, for measuring how fast they are."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ...errors import chosen
from ...match.engines.protobuf import message

__all__ = ["ProductKind", "product_graph"]

# Numbers of ONNX's protobuf messages: data types, then the versions that every ONNX Runtime since 1.17 reads.
_FLOAT, _UINT8, _INT8, _INT32 = 1, 2, 3, 6
_IR_VERSION, _OPSET = 8, 18


class ProductKind(str, Enum):
    """What is multiplied."""

    FLOAT32 = "float32"
    INT8 = "int8"
    """Unsigned activations by signed weights, summed in 32 bits."""


def product_graph(kind: ProductKind | str, weight: NDArray[np.float32] | NDArray[np.int8]) -> bytes:
    """Writes ``y = x W`` with constant weights, the input ``x`` and the output ``y``.

    Args:
        kind: What is multiplied.
        weight: float32 or int8, [in, out].

    Returns:
        The graph, as ONNX Runtime reads it.
    """
    kind = chosen(ProductKind, kind, name="kind")
    operator, given, stored, made = {
        ProductKind.FLOAT32: ("MatMul", _FLOAT, _FLOAT, _FLOAT),
        ProductKind.INT8: ("MatMulInteger", _UINT8, _INT8, _INT32),
    }[kind]
    node = message([(1, "x"), (1, "w"), (2, "y"), (4, operator)])
    tensor = message([*((1, n) for n in weight.shape), (2, stored), (8, "w"), (9, weight.tobytes())])
    graph = message(
        [
            (1, node),
            (2, "product"),
            (5, tensor),
            (11, _value("x", given, weight.shape[0])),
            (12, _value("y", made, weight.shape[1])),
        ]
    )
    return message([(1, _IR_VERSION), (7, graph), (8, message([(2, _OPSET)]))])


def _value(name: str, kind: int, width: int) -> bytes:
    shape = message([(1, message([(2, "rows")])), (1, message([(1, width)]))])
    return message([(1, name), (2, message([(1, message([(1, kind), (2, shape)]))]))])
