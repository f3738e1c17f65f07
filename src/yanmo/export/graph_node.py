"""One node of an ONNX graph, placed by hand where torch has no operation of its own for it."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["graph_node"]


def graph_node(
    name: str, inputs: Sequence[Tensor], attributes: dict[str, int], shape: Sequence[int | torch.SymInt]
) -> Tensor:
    """Places a node of ONNX Runtime's own operators; it computes only inside an exported graph.

    Args:
        name: Name of the operator, such as ``MatMulNBits``.
        inputs: Its inputs, in order.
        attributes: Its attributes.
        shape: Shape of its output, which is float32.

    Returns:
        Its output; outside a graph a tensor of that shape without meaning.
    """
    return torch.onnx.ops.symbolic(
        f"com.microsoft::{name}", inputs, {**attributes}, dtype=torch.float32, shape=shape, version=1
    )
