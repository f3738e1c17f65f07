"""CPM's language models to standard ``GPT2LMHeadModel`` folders with CPM's tokenizer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor

from ..atomic import new_folder
from ..encode.strict_state import is_finite
from ..errors import InputError, chosen
from ..tokenize import CpmTokenizer
from .cpm_config import CpmConfig
from .cpm_megatron import MegatronSource
from .cpm_tensorflow import TensorFlowSource
from .megatron_shards import find_shards
from .tensor_files import write_tensors

__all__ = ["ConvertedCpm", "StoredType", "convert_cpm"]


class StoredType(Enum):
    """Element types of the weights on disk."""

    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"

    @property
    def dtype(self) -> torch.dtype:
        """The same for torch."""
        return torch.float16 if self is StoredType.FLOAT16 else torch.bfloat16


@dataclass(frozen=True)
class ConvertedCpm:
    """What a conversion of a CPM checkpoint wrote.

    Attributes:
        config: The model's sizes.
        tokenizer: The tokenizer written.
        n_parameters: Number of weights.
        n_tensors: Number of tensors.
    """

    config: CpmConfig
    tokenizer: CpmTokenizer
    n_parameters: int
    n_tensors: int


def convert_cpm(
    sources: Sequence[Path],
    out: Path,
    *,
    vocab: Path | None = None,
    stored_type: StoredType | str = StoredType.FLOAT16,
    n_heads: int | None = None,
    max_bytes: int = 10**9,
    on_written: Callable[[int, int], None] = lambda _done, _total: None,
) -> ConvertedCpm:
    """Converts Megatron's shards or bert4keras's TensorFlow checkpoint.

    Every weight of the folder comes from the checkpoint, bit for bit where the element type is kept; a checkpoint that
    does not have exactly the tensors of one model is refused. Memory holds one file of the output at a time.

    Args:
        sources: The shards in the order of their ranks, or the folder of the shards or of a TensorFlow checkpoint.
        out: The Hugging Face folder to make; it appears whole or not at all.
        vocab: The sentencepiece file; None looks beside the checkpoint.
        stored_type: Element type of the weights on disk.
        n_heads: Number of attention heads, for a model of another width than the published ones.
        max_bytes: Largest size of one weight file.
        on_written: Told after each file how many bytes are written of how many.

    Returns:
        What was written.

    Raises:
        InputError: The checkpoint or the vocabulary cannot be used, a weight does not fit the element type, the disk
            has too little room, or ``out`` holds something.

    Source: kexue.fm/archives/7912; TsinghuaAI/CPM-1-Generate.
    """
    stored_type = chosen(StoredType, stored_type, name="stored_type")
    if not sources:
        raise InputError("no checkpoint is named", fix="name the shards, or the folder that holds them")
    beside = sources[0] if sources[0].is_dir() else sources[0].parent
    tokenizer = CpmTokenizer.load(beside if vocab is None else vocab)
    source = _open(sources, vocab_size=tokenizer.vocab_size, n_heads=n_heads)

    def read(tensor: str) -> Tensor:
        found = source.read(tensor, dtype=stored_type.dtype)
        if not is_finite(found):
            raise InputError(
                f"the tensor '{tensor}' has values that are infinite or no number in {stored_type.value}",
                where=beside,
                fix="add --dtype bfloat16, or get the checkpoint again",
            )
        return found

    def go_on(done: int, total: int) -> None:
        source.release()
        on_written(done, total)

    with new_folder(out) as folder:
        write_tensors(folder, source.shapes, dtype=stored_type.dtype, max_bytes=max_bytes, read=read, on_written=go_on)
        tokenizer.save(folder)
        # Last, since without it nothing loads the folder.
        values = source.config.to_hf(tokenizer, dtype=stored_type.value)
        (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    n_parameters = sum(torch.Size(shape).numel() for shape in source.shapes.values())
    return ConvertedCpm(source.config, tokenizer, n_parameters, len(source.shapes))


def _open(sources: Sequence[Path], *, vocab_size: int, n_heads: int | None) -> MegatronSource | TensorFlowSource:
    folders = [path for path in sources if path.is_dir()]
    if not folders:
        return MegatronSource(sources, vocab_size=vocab_size, n_heads=n_heads)
    if len(sources) > 1:
        raise InputError(
            "a folder was named beside other files", where=folders[0], fix="name the shards, or their folder alone"
        )
    shards = find_shards(folders[0])
    if shards:
        return MegatronSource(shards, vocab_size=vocab_size, n_heads=n_heads)
    return TensorFlowSource(folders[0], vocab_size=vocab_size, n_heads=n_heads)
