"""One node of an ONNX graph, placed by hand where torch has no operation of its own for it."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["graph_node"]


def graph_node(
    name: str,
    inputs: Sequence[Tensor],
    attributes: Mapping[str, int | str],
    shape: Sequence[int | torch.SymInt],
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Places a node by its operator's name; it computes only inside an exported graph.

    Args:
        name: Name of the operator: one of ONNX Runtime's own, such as ``MatMulNBits``, or behind two colons one of
            the standard's, such as ``::QuantizeLinear``.
        inputs: Its inputs, in order.
        attributes: Its attributes.
        shape: Shape of its output.
        dtype: Type of its output.

    Returns:
        Its output; outside a graph a tensor of that shape without meaning.
    """
    if name.startswith("::"):
        return torch.onnx.ops.symbolic(name.removeprefix("::"), inputs, {**attributes}, dtype=dtype, shape=shape)
    return torch.onnx.ops.symbolic(
        f"com.microsoft::{name}", inputs, {**attributes}, dtype=dtype, shape=shape, version=1
    )
