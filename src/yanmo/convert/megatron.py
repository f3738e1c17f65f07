"""Tensor names and splits of Megatron's GPT-2 and the names of Hugging Face's, as one table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Shaped
from torch import Tensor

from .cpm_config import CpmConfig

__all__ = ["MegatronRule", "Split", "assemble", "megatron_rules"]


class Split(Enum):
    """How model parallelism splits a tensor across the shards."""

    WHOLE = "whole"
    """Every shard has all of it."""
    ROWS = "rows"
    """The first axis is cut into equal runs."""
    COLUMNS = "columns"
    """The second axis is cut into equal runs."""
    THIRDS = "thirds"
    """The first axis holds queries, keys and values, and each of the three is cut into equal runs."""


# Megatron's name, Hugging Face's, the split, sizes of Megatron's axes, whether Hugging Face has the transpose: its
# linear layers map from rows to columns, Megatron's from columns to rows.
_BEFORE = (
    ("word_embeddings.weight", "transformer.wte.weight", Split.ROWS, "vocab width", False),
    ("position_embeddings.weight", "transformer.wpe.weight", Split.WHOLE, "positions width", False),
)
_LAYER = (
    ("input_layernorm.weight", "ln_1.weight", Split.WHOLE, "width", False),
    ("input_layernorm.bias", "ln_1.bias", Split.WHOLE, "width", False),
    ("attention.query_key_value.weight", "attn.c_attn.weight", Split.THIRDS, "three width", True),
    ("attention.query_key_value.bias", "attn.c_attn.bias", Split.THIRDS, "three", False),
    ("attention.dense.weight", "attn.c_proj.weight", Split.COLUMNS, "width width", True),
    ("attention.dense.bias", "attn.c_proj.bias", Split.WHOLE, "width", False),
    ("post_attention_layernorm.weight", "ln_2.weight", Split.WHOLE, "width", False),
    ("post_attention_layernorm.bias", "ln_2.bias", Split.WHOLE, "width", False),
    ("mlp.dense_h_to_4h.weight", "mlp.c_fc.weight", Split.ROWS, "inner width", True),
    ("mlp.dense_h_to_4h.bias", "mlp.c_fc.bias", Split.ROWS, "inner", False),
    ("mlp.dense_4h_to_h.weight", "mlp.c_proj.weight", Split.COLUMNS, "width inner", True),
    ("mlp.dense_4h_to_h.bias", "mlp.c_proj.bias", Split.WHOLE, "width", False),
)
_AFTER = (
    ("transformer.final_layernorm.weight", "transformer.ln_f.weight", Split.WHOLE, "width", False),
    ("transformer.final_layernorm.bias", "transformer.ln_f.bias", Split.WHOLE, "width", False),
)


@dataclass(frozen=True)
class MegatronRule:
    """One tensor: its name in Megatron and in Hugging Face's folders, its axes, and how it is split.

    Attributes:
        source: Megatron's name.
        tensor: Hugging Face's name.
        split: How it is shared among the shards.
        shape: Its shape in Megatron's order of axes, all shards together.
        is_transposed: Whether the tensor here is the transpose.
    """

    source: str
    tensor: str
    split: Split
    shape: tuple[int, ...]
    is_transposed: bool

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Shape of the whole tensor in a Hugging Face folder."""
        return self.shape[::-1] if self.is_transposed else self.shape

    def part_shape(self, n_shards: int) -> tuple[int, ...]:
        """Shape of the part that each shard holds.

        Args:
            n_shards: Number of shards.

        Returns:
            The shape; an axis that cannot be cut evenly is rounded up, as Megatron pads the vocabulary.

        Example:
            >>> MegatronRule("a", "b", Split.COLUMNS, (4, 6), False).part_shape(2)
            (4, 3)
        """
        if self.split is Split.WHOLE:
            return self.shape
        axis = 1 if self.split is Split.COLUMNS else 0
        return tuple(-(-size // n_shards) if i == axis else size for i, size in enumerate(self.shape))


def megatron_rules(config: CpmConfig) -> tuple[MegatronRule, ...]:
    """Lists the rules for all tensors of a model.

    Args:
        config: The model's sizes.

    Returns:
        One rule a tensor, in the order of the model; no name stands twice.

    Source: the names and splits of TsinghuaAI/CPM-1-Generate (``mpu/transformer.py``, ``change_mp.py``).
    """
    rows = [*_BEFORE]
    for i in range(config.n_layers):
        rows += [
            (f"transformer.layers.{i}.{theirs}", f"transformer.h.{i}.{ours}", split, axes, is_transposed)
            for theirs, ours, split, axes, is_transposed in _LAYER
        ]
    rows += _AFTER
    sizes = {
        "vocab": config.vocab_size,
        "positions": config.n_positions,
        "width": config.width,
        "three": 3 * config.width,
        "inner": 4 * config.width,
    }
    return tuple(
        MegatronRule(theirs, ours, split, tuple(sizes[axis] for axis in axes.split()), is_transposed)
        for theirs, ours, split, axes, is_transposed in rows
    )


def assemble(
    rule: MegatronRule, parts: Sequence[Shaped[Tensor, "..."]], *, dtype: torch.dtype
) -> Shaped[Tensor, "..."]:
    """Joins the parts of a tensor by writing them straight into the whole, without a second copy.

    Rows beyond ``rule.shape`` are the vocabulary's padding and are left out.

    Args:
        rule: The tensor.
        parts: Its part of every shard, in the order of the ranks.
        dtype: Element type of the result.

    Returns:
        The tensor as Hugging Face stores it.

    Example:
        >>> rule = MegatronRule("a", "b", Split.THIRDS, (6,), False)
        >>> assemble(rule, [torch.tensor([1, 3, 5]), torch.tensor([2, 4, 6])], dtype=torch.int64).tolist()
        [1, 2, 3, 4, 5, 6]
    """
    whole = torch.empty(rule.tensor_shape, dtype=dtype)
    target = whole.T if rule.is_transposed else whole
    for rank, part in enumerate(parts):
        for here, there in _runs(rule, part, rank, len(parts)):
            target[here].copy_(part[there])
    return whole


def _runs(
    rule: MegatronRule, part: Shaped[Tensor, "..."], rank: int, n_shards: int
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yields matching slices of the whole tensor and of one shard's part."""
    everything = slice(None)
    if rule.split is Split.WHOLE:
        if rank == 0:
            yield (everything,), (everything,)
    elif rule.split is Split.COLUMNS:
        run = part.shape[1]
        yield (everything, slice(rank * run, (rank + 1) * run)), (everything,)
    elif rule.split is Split.ROWS:
        start = rank * len(part)
        kept = min(len(part), max(rule.shape[0] - start, 0))
        yield (slice(start, start + kept),), (slice(kept),)
    else:
        run = len(part) // 3
        for third in range(3):
            start = (third * n_shards + rank) * run
            yield (slice(start, start + run),), (slice(third * run, (third + 1) * run),)
