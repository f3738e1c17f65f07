"""The files of a Megatron checkpoint: read safely and through a memory map, in the order of their ranks."""

import pickle
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from ..errors import InputError

__all__ = ["MegatronShards", "find_shards"]

_RANK = re.compile(r"mp_rank_(\d+)")
_NAME = "mp_rank_{:02d}_model_states.pt"
# Where the tensors are: DeepSpeed's word, Megatron's own.
_KEYS = ("module", "model")
# Beside its tensors a checkpoint of this kind holds the state of numpy's random numbers. Making an array runs no code.
_REBUILD: Any = np.empty(0).__reduce__()[0]
_HARMLESS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *((_REBUILD, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    np.ndarray,
    np.dtype,
    type(np.dtype(np.uint32)),
]


class MegatronShards:
    """The tensors of all shards.

    Only names and shapes are read at first; a tensor's bytes come into memory when it is used, and `release` lets them
    go. (Files of PyTorch before 1.6 cannot be mapped: they are held in memory, and a tensor is let go when it is used.)

    Args:
        paths: One file a shard, in the order of the ranks.

    Raises:
        InputError: A file is missing, truncated, damaged, or holds more than weights and numbers; the ranks are not
            those of the order, or the files say that there are more or fewer shards.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        for path in self.paths:
            if not path.is_file():
                raise InputError("there is no such file", where=path, fix="check the path")
        _check_order(self.paths)
        self._modules = [self._module(path) for path in self.paths]
        self.shapes = [{name: tuple(tensor.shape) for name, tensor in module.items()} for module in self._modules]
        """Shape of every tensor, by name, one table a shard."""

    def parts(self, name: str) -> list[Shaped[Tensor, "..."]]:
        """Gives every shard's part of one tensor; each tensor once between two calls of ``release``.

        Args:
            name: Its name in every shard.

        Returns:
            The parts, in the order of the ranks.
        """
        return [module.pop(name) for module in self._modules]

    def peek(self, name: str) -> list[Shaped[Tensor, "..."]]:
        """Gives every shard's part of one tensor, which can still be asked for afterwards."""
        return [module[name] for module in self._modules]

    def release(self) -> None:
        """Frees the memory of the tensors that were read, by mapping the files anew."""
        for rank, path in enumerate(self.paths):
            if zipfile.is_zipfile(path):
                self._modules[rank] = {}
                self._modules[rank] = self._module(path)

    def _module(self, path: Path) -> dict[str, Tensor]:
        found = _load(path)
        n_shards = found.get("mp_world_size")
        if isinstance(n_shards, int) and n_shards != len(self.paths):
            raise InputError(
                f"is one of {n_shards} shards, and {len(self.paths)} were given", where=path, fix="name all of them"
            )
        module = next((found[key] for key in _KEYS if key in found), found)
        if not isinstance(module, dict) or not module:
            raise InputError(f"holds no tensors under {' or '.join(_KEYS)}", where=path, fix="name the model's shards")
        for name, tensor in module.items():
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                kind = str(tensor.dtype) if isinstance(tensor, Tensor) else type(tensor).__name__
                raise InputError(
                    f"'{name}' is {kind}, not a tensor of floating-point numbers",
                    where=path,
                    fix="name the model's shards",
                )
        return dict(module)


def find_shards(folder: Path) -> list[Path]:
    """Lists the shards of a folder in the order of their ranks.

    Args:
        folder: The folder.

    Returns:
        The files named ``mp_rank_NN_model_states.pt``; none if there are none.
    """
    return sorted(folder.glob("mp_rank_*_model_states.pt"))


def _load(path: Path) -> dict[Any, Any]:
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            found = torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL (\S+) was not", str(error))
        if foreign is not None:
            raise InputError(
                f"holds a Python object ({foreign[1]}), which could run code when read",
                where=path,
                fix="if you trust the file, save {'module': checkpoint['module']} alone with the program that made it",
            ) from None
        raise _damaged(path, error) from None
    except PermissionError:
        raise
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _damaged(path, error) from None
    if not isinstance(found, dict):
        raise InputError(f"holds a {type(found).__name__}, not a checkpoint", where=path, fix="name the model's shards")
    return found


def _damaged(path: Path, error: Exception) -> InputError:
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    return InputError(
        f"cannot be read as a PyTorch checkpoint of {path.stat().st_size:,} bytes ({said})",
        where=path,
        fix="the file is truncated or damaged; get it again and compare its checksum",
    )


def _check_order(paths: Sequence[Path]) -> None:
    """Refuses an order that the files do not confirm.

    Heads and feed-forward units may change places together without a change of the model, but the parts of the
    vocabulary may not: in the wrong order every token has the vector of another, and nothing in the weights tells.
    """
    ranks = [_rank(path) for path in paths]
    for path, rank in zip(paths, ranks, strict=True):
        if rank is None and len(paths) > 1:
            raise InputError(
                "does not say which shard it is, and in a wrong order tokens change their vectors",
                where=path,
                fix=f"give the files the names they were saved under, such as {_NAME.format(0)}",
            )
    if len(paths) > 1 and ranks != list(range(len(paths))):
        wanted = ", ".join(_NAME.format(rank) for rank in range(len(paths)))
        raise InputError(
            f"the files given are the shards {', '.join(map(str, ranks))}, expected {wanted} in this order",
            where=paths[0].parent,
            fix="name all shards, each once, in the order of their numbers",
        )


def _rank(path: Path) -> int | None:
    """The rank that a file's name says, or the name under which it was saved, which PyTorch keeps inside."""
    named = _RANK.search(path.name)
    saved = None
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                saved = _RANK.match(next(iter(archive.namelist()), ""))
        except zipfile.BadZipFile as error:
            raise _damaged(path, error) from None
    if named is not None and saved is not None and int(named[1]) != int(saved[1]):
        raise InputError(
            f"was saved as shard {int(saved[1])}, its name says {int(named[1])}",
            where=path,
            fix=f"rename it to {_NAME.format(int(saved[1]))}",
        )
    found = named or saved
    return None if found is None else int(found[1])
