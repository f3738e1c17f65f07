"""Writes tensors into a folder as safetensors files, with one file's tensors in memory at a time."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import replacing
from ..errors import InputError

__all__ = ["write_tensors"]

_INDEX = "model.safetensors.index.json"


def write_tensors(
    folder: Path,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    dtype: torch.dtype,
    max_bytes: int,
    read: Callable[[str], Tensor],
    on_written: Callable[[int, int], None],
) -> None:
    """Writes ``model.safetensors``, or as many files as needed and their index.

    Args:
        folder: The folder.
        shapes: Shape of every tensor, by name, in the order to ask for them.
        dtype: Their element type.
        max_bytes: Largest size of a file; a tensor that is larger has one of its own.
        read: Gives a tensor by its name.
        on_written: Told after each file how many bytes are written of how many.

    Raises:
        InputError: The disk has too little room.
        OSError: It had enough when writing began.
    """
    empty = {name: torch.empty(shape, dtype=dtype, device="meta") for name, shape in shapes.items()}
    plan = split_torch_state_dict_into_shards(empty, max_shard_size=max_bytes)
    total = sum(tensor.nbytes for tensor in empty.values())
    free = shutil.disk_usage(folder).free
    if total > free:
        raise InputError(
            f"the weights need {total / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free",
            where=folder.parent,
            fix="make room, or name a folder on another disk",
        )
    written = 0
    for file, names in plan.filename_to_tensors.items():
        tensors = {name: read(name) for name in names}
        # Through a name of its own, since safetensors makes files that only their owner may read.
        with replacing(folder / file) as temporary:
            save_file(tensors, temporary, metadata={"format": "pt"})
        written += sum(tensor.nbytes for tensor in tensors.values())
        del tensors
        on_written(written, total)
    if plan.is_sharded:
        index = {"metadata": {"total_size": total}, "weight_map": plan.tensor_to_filename}
        with replacing(folder / _INDEX) as temporary:
            temporary.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
