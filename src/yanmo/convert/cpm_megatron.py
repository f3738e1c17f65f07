"""CPM's own checkpoints: Megatron's shards, checked name by name and shape by shape against one model's table."""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Shaped
from torch import Tensor

from ..errors import InputError
from .cpm_config import CpmConfig, heads_of
from .megatron import MegatronRule, Split, assemble, megatron_rules
from .megatron_shards import MegatronShards

__all__ = ["MegatronSource"]

_WORDS, _POSITIONS = "word_embeddings.weight", "position_embeddings.weight"
_QKV = "transformer.layers.0.attention.query_key_value.weight"
_LAYER = re.compile(r"transformer\.layers\.(\d+)\.")
# Megatron pads the vocabulary to a multiple of the first times the shards.
_PADDED_TO, _MOST_SHARDS = 128, 8
_MIXED = "take all shards from one checkpoint, as they were downloaded"


class MegatronSource:
    """A model's tensors under Hugging Face's names, put together from the shards when asked for.

    Args:
        paths: The shards in the order of their ranks.
        vocab_size: Number of tokens of the vocabulary.
        n_heads: Number of attention heads; None takes that of the published model of this width.

    Raises:
        InputError: A file cannot be used (see `MegatronShards`); a tensor is missing, unknown or misshapen; shards are
            too few or too many; tensors that all shards have differ; the vocabulary is not the model's.
    """

    def __init__(self, paths: Sequence[Path], *, vocab_size: int, n_heads: int | None) -> None:
        self._shards = MegatronShards(paths)
        self.config = self._sizes(vocab_size, n_heads)
        """The model's sizes."""
        self._rules = {rule.tensor: rule for rule in megatron_rules(self.config)}
        for path, shapes in zip(self._shards.paths, self._shards.shapes, strict=True):
            self._check_names(path, shapes)
        self._check_vocabulary()
        for rule in self._rules.values():
            self._check_parts(rule)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor, in the order of the model."""
        return {name: rule.tensor_shape for name, rule in self._rules.items()}

    def read(self, tensor: str, *, dtype: torch.dtype) -> Shaped[Tensor, "..."]:
        """Puts one tensor together; every tensor is given once between two calls of `release`.

        Args:
            tensor: Hugging Face's name.
            dtype: Element type to give it in.

        Returns:
            The tensor.
        """
        rule = self._rules[tensor]
        return assemble(rule, self._shards.parts(rule.source), dtype=dtype)

    def release(self) -> None:
        """Frees the memory of the tensors that were read."""
        self._shards.release()

    def _sizes(self, vocab_size: int, n_heads: int | None) -> CpmConfig:
        path, shapes = self._shards.paths[0], self._shards.shapes[0]
        for name, n_axes in ((_POSITIONS, 2), (_WORDS, 2), (_QKV, 2)):
            if name not in shapes:
                fix = "name a checkpoint of CPM's GPT-2"
                raise InputError(f"the tensor '{name}' is missing", where=path, fix=fix)
            if len(shapes[name]) != n_axes:
                raise InputError(
                    f"the tensor '{name}' has the shape {list(shapes[name])}, expected {n_axes} axes",
                    where=path,
                    fix="name a checkpoint of CPM's GPT-2",
                )
        n_positions, width = shapes[_POSITIONS]
        n_shards, rest = divmod(3 * width, max(shapes[_QKV][0], 1))
        if rest or n_shards != len(self._shards.paths):
            made_of = "of no whole number of shards" if rest else f"one of {n_shards} shards"
            raise InputError(
                f"by the tensor '{_QKV}' {list(shapes[_QKV])} for a width of {width} this file is {made_of}, and "
                f"{len(self._shards.paths)} were given",
                where=path,
                fix="name all shards of the checkpoint and no others",
            )
        n_layers = 1 + max(int(found[1]) for name in shapes if (found := _LAYER.match(name)))
        return CpmConfig(
            n_layers=n_layers,
            width=width,
            n_heads=heads_of(width) if n_heads is None else n_heads,
            n_positions=n_positions,
            vocab_size=vocab_size,
        )

    def _check_names(self, path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
        wanted = {rule.source: rule for rule in self._rules.values()}
        for name, rule in wanted.items():
            if name not in shapes:
                shape = list(rule.part_shape(len(self._shards.paths)))
                raise InputError(f"the tensor '{name}' {shape} is missing", where=path, fix="get the whole checkpoint")
        unknown = [name for name in shapes if name not in wanted]
        if unknown:
            others = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise InputError(
                f"the tensor '{unknown[0]}'{others} is no part of a GPT-2 of {self.config.n_layers} layers",
                where=path,
                fix="name a checkpoint of CPM's GPT-2",
            )

    def _check_vocabulary(self) -> None:
        n_shards, vocab_size = len(self._shards.paths), self.config.vocab_size
        rows = {shapes[_WORDS][0] for shapes in self._shards.shapes}
        n_rows = sum(shapes[_WORDS][0] for shapes in self._shards.shapes)
        padded = n_rows % _PADDED_TO == 0 and n_rows - vocab_size < _PADDED_TO * _MOST_SHARDS
        if len(rows) > 1 or n_rows < vocab_size or not (n_rows - vocab_size < n_shards or padded):
            raise InputError(
                f"the tensor '{_WORDS}' has {n_rows:,} rows in all shards, the vocabulary has {vocab_size:,} tokens",
                where=self._shards.paths[0],
                fix="name the vocabulary that came with the checkpoint with --vocab",
            )

    def _check_parts(self, rule: MegatronRule) -> None:
        expected = rule.part_shape(len(self._shards.paths))
        if rule.source == _WORDS:
            expected = (self._shards.shapes[0][_WORDS][0], expected[1])
        for path, shapes in zip(self._shards.paths, self._shards.shapes, strict=True):
            if shapes[rule.source] != expected:
                raise InputError(
                    f"the tensor '{rule.source}' has the shape {list(shapes[rule.source])}, expected {list(expected)} "
                    f"in each of {len(self._shards.paths)} shards of a model of width {self.config.width}",
                    where=path,
                    fix="get the checkpoint again; name all of its shards and no others",
                )
        if rule.split is Split.WHOLE:
            first, *others = self._shards.peek(rule.source)
            for path, other in zip(self._shards.paths[1:], others, strict=True):
                if not torch.equal(first, other):
                    raise InputError(
                        f"the tensor '{rule.source}' differs from that of {self._shards.paths[0].name}, and all shards "
                        "of a model have it alike: these are shards of two checkpoints",
                        where=path,
                        fix=_MIXED,
                    )
