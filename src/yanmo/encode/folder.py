"""Encoders from and to Hugging Face folders, strictly: every tensor accounted for, or an error that names it."""

import json
import pickle
import re
import struct
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import replacing
from ..errors import InputError
from ..json_file import read_json
from ..layers import AttentionKernel
from ..tokenize.foreign_folder import missing_file
from .config import EncoderConfig
from .encoder import ConditionPlan, Encoder, build_encoder
from .keymap import KeyMap, encoder_keymap
from .strict_state import Says, account

__all__ = ["LoadedEncoder", "load_encoder", "read_config", "read_config_values", "read_tensors", "save_encoder"]

# Parameters that a plain base lacks and that start at their initial value.
_NEW_LEAVES = ("weight_map", "bias_map")
# How torch tells what a file holds beside tensors.
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_POINTER = b"version https://git-lfs"
# What reading a file that is none of torch's, or a damaged one, may end in.
_NO_TORCH_FILE = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError),
    *(LookupError, TypeError, AttributeError, AssertionError, struct.error),
)
_SAYS = Says(
    "an encoder",
    missing="the download is incomplete or the folder holds another architecture; get it again",
    unknown="check model_type and num_hidden_layers in config.json",
    misshapen="config.json and weights belong to different models",
)


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder and what its folder said.

    Attributes:
        encoder: The encoder with the folder's weights.
        config: Its sizes and kinds.
        left_out: Names of tensors in the folder that an encoder does not use (heads, poolers).
        keymap: The folder's names and the encoder's.
    """

    encoder: Encoder
    config: EncoderConfig
    left_out: tuple[str, ...]
    keymap: KeyMap


def load_encoder(
    folder: Path,
    *,
    condition: ConditionPlan | None = None,
    joint_from: int = 0,
    within: AttentionKernel | None = None,
    n_layers: int | None = None,
) -> LoadedEncoder:
    """Loads any BERT, RoBERTa, ERNIE, RoFormer or NEZHA encoder from its Hugging Face folder.

    Args:
        folder: Folder with ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin`` (sharded or not).
        condition: Which norms become conditional; their maps start at zero.
        joint_from: First layer whose attention crosses between the two texts.
        within: How queries and keys attend; None is softmax attention, which such folders were trained with.
        n_layers: Keep only the first so many layers; None keeps all.

    Returns:
        The encoder in float32, its configuration and the names left out.

    Raises:
        InputError: A file is missing or broken, the architecture is none of ours, the tensors are of several encoders,
            or one is missing, unknown, of another shape than the configuration says, or not finite.
    """
    config = read_config(folder)
    tensors = read_tensors(folder)
    keymap = _keymap(config, tensors, folder)
    mapped, left_out, _ = keymap.sort(tensors)
    with torch.device("meta"):
        whole = build_encoder(config).state_dict()
    if n_layers is not None:
        if not 0 < n_layers <= config.n_layers:
            raise InputError(f"cannot keep {n_layers} of {config.n_layers} layers", where=folder)
        config = replace(config, n_layers=n_layers)
    with torch.device("meta"):
        encoder = build_encoder(config, condition=condition, joint_from=joint_from, within=within)
    parameters = encoder.state_dict()
    new = {name for name in parameters if name.endswith(_NEW_LEAVES)}
    # Under the folder's names, which are what a message has to say.
    named = {mapped.get(name, keymap.prefix + keymap.to_theirs(name)): name for name in parameters.keys() - new}
    unused = {*left_out, *(mapped[name] for name in mapped.keys() & whole.keys() - parameters.keys())}
    account(
        {name: tensor for name, tensor in tensors.items() if name not in unused},
        {name: parameters[ours] for name, ours in named.items()},
        where=folder,
        says=replace(_SAYS, whole=f"a {config.model_type.value} encoder"),
    )
    state = {name: torch.zeros(parameters[name].shape) for name in new}
    state |= {ours: tensors[name].to(torch.float32) for name, ours in named.items()}
    encoder.load_state_dict(state, strict=True, assign=True)
    encoder.requires_grad_(True)
    return LoadedEncoder(encoder, config, tuple(left_out), keymap)


def save_encoder(encoder: Encoder, config: EncoderConfig, folder: Path) -> None:
    """Writes an encoder as ``config.json`` and ``model.safetensors`` under its Hugging Face names.

    Args:
        encoder: The encoder; without conditions, which Hugging Face has no names for.
        config: Its configuration.
        folder: An existing folder.

    Raises:
        InputError: A norm is conditional.
    """
    keymap = encoder_keymap(config)
    if any(name.endswith(_NEW_LEAVES) for name in encoder.state_dict()):
        raise InputError("a conditional encoder has no plain Hugging Face form", fix="save it as part of a matcher")
    tensors = {
        keymap.to_theirs(name): tensor.detach().cpu().contiguous() for name, tensor in encoder.state_dict().items()
    }
    with replacing(folder / "model.safetensors") as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})
    with replacing(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(config.to_hf(), indent=2) + "\n", encoding="utf-8")


def read_config(folder: Path) -> EncoderConfig:
    """Reads ``config.json`` of a folder.

    Args:
        folder: A Hugging Face model folder.

    Returns:
        The configuration.

    Raises:
        InputError: The folder or file is missing, is not JSON, or names an architecture that is none of ours.
    """
    try:
        return EncoderConfig.from_hf(read_config_values(folder))
    except InputError as error:
        raise InputError(error.problem, where=error.where or folder / "config.json", fix=error.fix) from None


def read_config_values(folder: Path) -> dict[str, Any]:
    """Reads ``config.json`` of a folder as it stands there.

    Args:
        folder: A Hugging Face model folder.

    Returns:
        Its fields.

    Raises:
        InputError: The folder or file is missing, or is not JSON.
    """
    return _read_json(folder / "config.json", "a Hugging Face model folder has one")


def read_tensors(folder: Path, *, only: Container[str] | None = None) -> dict[str, Tensor]:
    """Reads the tensors of a folder without executing anything in it.

    Args:
        folder: Folder with ``model.safetensors`` or ``pytorch_model.bin``, or the index file of their shards.
        only: Names of those that are wanted; None reads all.

    Returns:
        Tensors by the names the folder gives them.

    Raises:
        InputError: There is no weight file, a shard is missing, or a file is truncated.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return _read_file(folder / name, only)
        if index.is_file():
            shards = _shards(index)
            return {key: tensor for shard in shards for key, tensor in _read_file(folder / shard, only).items()}
    raise missing_file(
        "there is neither model.safetensors nor pytorch_model.bin",
        folder=folder,
        where=folder,
        fix="download the weights again",
    )


def _shards(index: Path) -> list[str]:
    listed = _read_json(index, "it lists the shards").get("weight_map")
    if not isinstance(listed, dict) or not listed or not all(isinstance(shard, str) for shard in listed.values()):
        raise InputError("does not say which file holds which tensor", where=index, fix="get the file again")
    return sorted(set(listed.values()))


def _keymap(config: EncoderConfig, names: Iterable[str], folder: Path) -> KeyMap:
    try:
        return encoder_keymap(config).found_in(names)
    except InputError as error:
        raise InputError(error.problem, where=folder, fix=error.fix) from None


def _read_file(path: Path, only: Container[str] | None) -> dict[str, Tensor]:
    again = "the file is truncated or damaged; download it again"
    if not path.is_file():
        raise InputError("the weight file is missing", where=path, fix="download it again")
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise InputError("is a pointer of Git LFS, not the file itself", where=path, fix="git lfs pull")
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                names = [key for key in file.keys() if only is None or key in only]  # noqa: SIM118 - it is no dict
                return {key: file.get_tensor(key) for key in names}
        except SafetensorError as error:
            raise InputError(f"cannot be read as safetensors ({error})", where=path, fix=again) from error
    return {key: tensor for key, tensor in _torch_tensors(path, again).items() if only is None or key in only}


def _torch_tensors(path: Path, again: str) -> dict[str, Tensor]:
    problem = "cannot be read as a torch file of plain tensors"
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except _NO_TORCH_FILE as error:
        if "TorchScript" in str(error):
            fix = f"torch.save(torch.jit.load('{path}').state_dict(), '{path}')"
            raise InputError(f"{problem}: it is a TorchScript program", where=path, fix=fix) from error
        named = _GLOBAL.search(str(error))
        if named is None:
            raise InputError(f"{problem} ({type(error).__name__})", where=path, fix=again) from error
        raise InputError(
            f"{problem}: it holds a Python object ({named[1]}), as where a whole model was pickled",
            where=path,
            fix="have whoever wrote it save model.state_dict(); opening it elsewhere runs the code that it brings",
        ) from error
    if not isinstance(values, Mapping):
        raise InputError(f"{problem}: it holds a {type(values).__name__}", where=path, fix="save model.state_dict()")
    found = {key: value for key, value in values.items() if isinstance(key, str) and isinstance(value, Tensor)}
    inner = [key for key, value in values.items() if isinstance(value, Mapping) and _has_tensors(value)]
    if inner and not found:
        chosen = max(inner, key=lambda key: len(values[key]))
        raise InputError(
            f"{problem}: they lie in its entry '{chosen}', beside others of a training run",
            where=path,
            fix=f"torch.save(torch.load('{path}')['{chosen}'], '{path}')",
        )
    return found


def _has_tensors(values: Mapping[Any, object]) -> bool:
    return any(isinstance(value, Tensor) for value in values.values())


def _read_json(path: Path, why: str) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except FileNotFoundError:
        raise missing_file(
            f"the file is missing; {why}", folder=path.parent, where=path, fix="check the path"
        ) from None
