"""What a folder is that holds no model as Hugging Face folders do, and what to do about it."""

from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

__all__ = ["foreign_folder", "missing_file"]


class _Kind(NamedTuple):
    """One kind of foreign folder; the fix may name the ``folder`` and the ``inner`` one that was found."""

    patterns: tuple[str, ...]
    what: str
    fix: str


_OURS = ("model*.safetensors*", "pytorch_model*.bin*")
_BY_TRANSFORMERS = "load it with transformers where its framework is installed, and call save_pretrained on the model"
# The first that fits is told: what can be converted here stands before what cannot.
_FORMATS = (
    _Kind(
        ("mp_rank_*", "*/mp_rank_*", "*/*/mp_rank_*"),
        "it holds Megatron's shards",
        "yanmo convert cpm {inner} --out OUT, if they are CPM-LM's",
    ),
    _Kind(
        ("*.data-*-of-*", "*.ckpt*.index"),
        "it holds a TensorFlow 1 checkpoint",
        "yanmo convert tensorflow {folder} --out OUT (CPM-LM: yanmo convert cpm {folder} --out OUT)",
    ),
    _Kind(("tf_model*.h5", "*.h5"), "it holds a Keras or TensorFlow 2 model", _BY_TRANSFORMERS),
    _Kind(("flax_model*.msgpack",), "it holds a Flax model", _BY_TRANSFORMERS),
    _Kind(("*.pdparams",), "it holds a PaddlePaddle model", "get the same model in PyTorch's form"),
    _Kind(("*.gguf",), "it holds a GGUF file", "get the model in safetensors form"),
    _Kind(
        ("adapter_config.json",),
        "it holds an adapter without its base",
        "merge it into its base with peft's merge_and_unload, and save that",
    ),
)
# Without config.json only.
_PLACES = (
    _Kind(
        ("*/config.json",),
        "it holds model folders, but is none itself",
        "name the one that is meant, such as {inner}",
    ),
    _Kind(
        ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.safetensors"),
        "it holds weights under another name or without their configuration",
        "put config.json beside them and name them model.safetensors or pytorch_model.bin",
    ),
)


def foreign_folder(folder: Path) -> tuple[str, str] | None:
    """Tells what a folder is that lacks a model's files.

    Args:
        folder: The folder.

    Returns:
        What it is and what to do, as the parts of a sentence; None where nothing is recognized.
    """
    is_described = (folder / "config.json").is_file()
    if is_described and any(path for pattern in _OURS for path in folder.glob(pattern)):
        return None
    for kind in _FORMATS if is_described else _FORMATS + _PLACES:
        found = next((path for pattern in kind.patterns for path in sorted(folder.glob(pattern))), None)
        if found is not None:
            fix = kind.fix.format(folder=folder, inner=found.parent)
            return f"{kind.what} ({found.relative_to(folder).as_posix()})", fix
    return None


def missing_file(problem: str, *, folder: Path, where: Path, fix: str) -> InputError:
    """Makes the refusal of a folder that lacks a file; it says what the folder is, where that can be told.

    Args:
        problem: What is missing.
        folder: The folder.
        where: The place to name.
        fix: What to do about a folder of no known kind.

    Returns:
        The error.
    """
    told = foreign_folder(folder)
    if told is None:
        return InputError(problem, where=where, fix=fix)
    return InputError(f"{problem}; {told[0]}", where=where, fix=told[1])
