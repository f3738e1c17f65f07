"""CPM-LM as bert4keras has it: a TensorFlow checkpoint, read without TensorFlow, under Hugging Face's names."""

import re
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from ..errors import InputError
from ..json_file import read_json
from .cpm_config import CpmConfig, heads_of
from .megatron import megatron_rules
from .tensor_bundle import ElementType, find_checkpoint, open_checkpoint
from .tensorflow_names import why_left_out

__all__ = ["TensorFlowSource", "variables_of"]

_WORDS, _POSITIONS = "gpt/embeddings/word_embeddings", "gpt/embeddings/position_embeddings"
_LAYER = re.compile(r"gpt/transformer/layer_(\d+)/")
_CONFIGS = ("config.json", "bert_config.json")
_LEAVES = {
    "norm": {"weight": "gamma", "bias": "beta"},
    "dense": {"weight": "kernel", "bias": "bias"},
}
# Hugging Face's part of a layer, bert4keras's, what it is. The norms stand before what they norm.
_PARTS = {
    "ln_1": (("attention/input/LayerNorm",), "norm"),
    "attn.c_attn": (("attention/self/query", "attention/self/key", "attention/self/value"), "dense"),
    "attn.c_proj": (("attention/output/dense",), "dense"),
    "ln_2": (("input/LayerNorm",), "norm"),
    "mlp.c_fc": (("intermediate/dense",), "dense"),
    "mlp.c_proj": (("output/dense",), "dense"),
}
_TOP = {
    "transformer.wte.weight": (_WORDS,),
    "transformer.wpe.weight": (_POSITIONS,),
    "transformer.ln_f.weight": ("gpt/output/LayerNorm/gamma",),
    "transformer.ln_f.bias": ("gpt/output/LayerNorm/beta",),
}


def variables_of(tensor: str) -> tuple[str, ...]:
    """Names the bert4keras variables that, joined along the last axis, give one Hugging Face tensor.

    Args:
        tensor: Hugging Face's name.

    Returns:
        One variable, or those of queries, keys and values.

    Example:
        >>> variables_of("transformer.h.3.mlp.c_fc.weight")
        ('gpt/transformer/layer_3/intermediate/dense/kernel',)

    Source: bert4keras, ``GPT2.variable_mapping``.
    """
    if tensor in _TOP:
        return _TOP[tensor]
    _, _, layer, part = tensor.split(".", 3)
    stem, _, leaf = part.rpartition(".")
    stems, kind = _PARTS[stem]
    return tuple(f"gpt/transformer/layer_{layer}/{theirs}/{_LEAVES[kind][leaf]}" for theirs in stems)


class TensorFlowSource:
    """A model's tensors under Hugging Face's names, read one by one.

    Args:
        folder: Folder with ``NAME.index`` and ``NAME.data-*``, and perhaps ``config.json``.
        vocab_size: Number of tokens of the vocabulary.
        n_heads: Number of attention heads; None takes the configuration's, or that of the published model.

    Raises:
        InputError: A file is missing, truncated or damaged; a variable is missing, unknown or misshapen; the vocabulary
            is not the model's.
    """

    def __init__(self, folder: Path, *, vocab_size: int, n_heads: int | None) -> None:
        self._opened = open_checkpoint(find_checkpoint(folder, None))
        variables = self._opened.variables
        missing = next((name for name in (_WORDS, _POSITIONS) if name not in variables), None)
        layers = [int(found[1]) for name in variables if (found := _LAYER.match(name))]
        if missing is not None or not layers:
            raise InputError(
                f"the variable '{missing or 'gpt/transformer/layer_0/...'}' is missing",
                where=self._opened.prefix,
                fix="name a checkpoint of CPM-LM as bert4keras reads it",
            )
        (n_rows, width), (n_positions, _) = (variables[name].shape for name in (_WORDS, _POSITIONS))
        if n_rows != vocab_size:
            raise InputError(
                f"the variable '{_WORDS}' has {n_rows:,} rows, the vocabulary has {vocab_size:,} tokens",
                where=self._opened.prefix,
                fix="name the vocabulary that came with the checkpoint with --vocab",
            )
        self.config = CpmConfig(
            n_layers=1 + max(layers),
            width=width,
            n_heads=n_heads or _stated_heads(folder) or heads_of(width),
            n_positions=n_positions,
            vocab_size=vocab_size,
        )
        """The model's sizes."""
        self.shapes = {rule.tensor: rule.tensor_shape for rule in megatron_rules(self.config)}
        """Shape of every tensor, in the order of the model."""
        self._check()

    def read(self, tensor: str, *, dtype: torch.dtype) -> Shaped[Tensor, "..."]:
        """Reads one tensor.

        Args:
            tensor: Hugging Face's name.
            dtype: Element type to give it in.

        Returns:
            The tensor.
        """
        whole = torch.empty(self.shapes[tensor], dtype=dtype)
        names = variables_of(tensor)
        for run, name in zip(whole.chunk(len(names), -1), names, strict=True):
            values = np.ascontiguousarray(self._opened.read(name), dtype=np.float32)
            # A copy, since torch wants memory that may be written to.
            run.copy_(torch.from_numpy(values if values.flags.writeable else values.copy()))
        return whole

    def release(self) -> None:
        """Does nothing: each variable is let go when it is read."""

    def _check(self) -> None:
        variables = self._opened.variables
        known: set[str] = set()
        for tensor, shape in self.shapes.items():
            names = variables_of(tensor)
            known.update(names)
            expected = (*shape[:-1], shape[-1] // len(names))
            for name in names:
                if name not in variables:
                    self._refuse(f"the variable '{name}' {list(expected)} is missing", "get the whole checkpoint")
                if variables[name].shape != expected:
                    self._refuse(
                        f"the variable '{name}' has the shape {list(variables[name].shape)}, expected {list(expected)}",
                        "get the checkpoint again",
                    )
                if variables[name].type_number not in [kind.value for kind in ElementType if kind.is_floating]:
                    self._refuse(f"the variable '{name}' is not floating point", "get the checkpoint again")
        unknown = sorted(name for name in variables if name not in known and why_left_out(name) is None)
        if unknown:
            self._refuse(
                f"the variable '{unknown[0]}' is no part of a GPT-2 of {self.config.n_layers} layers",
                "name a checkpoint of CPM-LM as bert4keras reads it",
            )

    def _refuse(self, problem: str, fix: str) -> None:
        raise InputError(problem, where=self._opened.prefix, fix=fix)


def _stated_heads(folder: Path) -> int | None:
    """The number of heads that the configuration beside the checkpoint states."""
    path = next((folder / name for name in _CONFIGS if (folder / name).is_file()), None)
    if path is None:
        return None
    found: int | None = read_json(path).get("num_attention_heads")
    if found is not None and (not isinstance(found, int) or found < 1):
        raise InputError(f"num_attention_heads is {found!r}, expected 1 or more", where=path, fix="get the file again")
    return found
