"""One safetensors file written tensor by tensor, so that memory never holds more than one of them."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ...errors import InputError

__all__ = ["stream_safetensors"]

# Of the element types that the format knows, those that are written here.
_TYPES = {torch.int8: "I8", torch.int32: "I32", torch.bfloat16: "BF16", torch.float32: "F32"}
# Where the values begin: the length of a cache line.
_ALIGNMENT = 64


def stream_safetensors(path: Path, plan: Mapping[str, Tensor], read: Callable[[str], Tensor]) -> None:
    """Writes tensors one after the other, in the order of the plan.

    Args:
        path: The file.
        plan: Shape and type of every tensor, by name, such as tensors on the meta device; those whose sizes are
            multiples of a cache line stand first, so that they begin at one.
        read: Gives a tensor by its name.

    Raises:
        InputError: The disk has too little room, or a tensor is not as planned.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, planned in plan.items():
        start, end = end, end + planned.nbytes
        header[name] = {
            "dtype": _TYPES[planned.dtype],
            "shape": list(planned.shape),
            "data_offsets": [start, end],
        }
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-(8 + len(written)) % _ALIGNMENT)
    free = shutil.disk_usage(path.parent).free
    if end > free:
        raise InputError(
            f"the weights need {end / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free",
            where=path.parent,
            fix="make room, or name a folder on another disk",
        )
    with path.open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        for name, planned in plan.items():
            tensor = read(name)
            if tensor.shape != planned.shape or tensor.dtype != planned.dtype:
                raise InputError(
                    f"the tensor '{name}' is {list(tensor.shape)} of {tensor.dtype}, "
                    f"planned was {list(planned.shape)} of {planned.dtype}"
                )
            tensor.contiguous().view(-1).view(torch.uint8).numpy().tofile(file)
        file.flush()
        os.fsync(file.fileno())
