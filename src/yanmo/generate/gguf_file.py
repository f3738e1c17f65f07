"""A GPT-2 folder as one GGUF file, which llama.cpp and what is built on it read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..atomic import naming, replacing
from ..errors import InputError, chosen, require_extra
from ..tokenize import CpmTokenizer
from .bert_vocabulary import BertVocabulary
from .choices import GgufType
from .language_tokenizer import refuse_other_vocabulary
from .loading import gpt2_tensors, language_tokenizer
from .quantized.weight_storage import storage_of

__all__ = ["GgufSummary", "write_gguf"]

# llama.cpp's names of a layer's tensors, by GPT-2's.
_LAYER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
_WHOLE = {
    "transformer.wte.weight": "token_embd.weight",
    "transformer.wpe.weight": "position_embd.weight",
    "transformer.ln_f.weight": "output_norm.weight",
    "transformer.ln_f.bias": "output_norm.bias",
}
# llama.cpp knows one activation of GPT-2, that by tanh, under its three names in transformers.
_ACTIVATIONS = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")


@dataclass(frozen=True, slots=True)
class GgufSummary:
    """What was written.

    Attributes:
        n_tensors: Tensors.
        n_bytes: Bytes of the file.
    """

    n_tensors: int
    n_bytes: int


def write_gguf(
    folder: Path,
    out: Path,
    *,
    weights: GgufType | str = GgufType.F16,
    start: str | None = None,
    end: str | None = None,
    on_written: Callable[[int, int], None] | None = None,
) -> GgufSummary:
    """Writes a GPT-2 folder as GGUF; one tensor is in memory at a time.

    The pieces are written as the vocabulary spells them, so that a continuation can be read; a prompt has to come as
    token ids, for llama.cpp cuts neither words by jieba nor Chinese as BERT does.

    Args:
        folder: Folder of a GPT-2, such as a converted CPM-LM; not one that `yanmo quantize` wrote.
        out: The file to write; replaced where there is one.
        weights: Type of the weights.
        start: Token of BERT's vocabulary before every text, as for `load_language_model`; noted as the file's BOS.
        end: Token of BERT's vocabulary that ends a document; the file's EOS.
        on_written: Told the number of tensors written and of all.

    Returns:
        What was written.

    Raises:
        InputError: The folder is damaged, quantized or no GPT-2 that llama.cpp computes alike, a matrix is too narrow
            for blocks of 32, or the vocabulary is another one.
        MissingExtraError: The package gguf is not installed.
    """
    weights = chosen(GgufType, weights, name="weights")
    gguf = require_extra("gguf", extra="gguf")
    if storage_of(folder) is not None:
        raise InputError("the weights are quantized already", where=folder, fix="name the folder it was made from")
    config, tensors = gpt2_tensors(folder)
    _check(config, weights, folder)
    tokenizer = language_tokenizer(folder, start=start, end=end)
    refuse_other_vocabulary(tokenizer, config.vocab_size, where=folder)
    parts = [(_gguf_name(name), name, _type_of(name, tensor, weights)) for name, tensor in tensors.items()]
    with replacing(out) as temporary, naming(out):
        writer = gguf.GGUFWriter(temporary, "gpt2")
        try:
            _write_head(writer, config, tokenizer, gguf.TokenType)
            for wanted, name, kind in parts:
                shape, n_bytes, dtype = _laid_out(_turned_shape(name, tensors[name]), kind, gguf)
                raw = None if kind in (GgufType.F32, GgufType.F16) else gguf.GGMLQuantizationType[kind.name]
                writer.add_tensor_info(wanted, shape, dtype, n_bytes, raw_dtype=raw)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for n, (_, name, kind) in enumerate(parts, start=1):
                writer.write_tensor_data(_values(name, tensors.pop(name), kind, gguf))
                if on_written is not None:
                    on_written(n, len(parts))
        finally:
            writer.close()
        n_bytes = temporary.stat().st_size
    return GgufSummary(len(parts), n_bytes)


def _gguf_name(name: str) -> str:
    """Gives llama.cpp's name of a GPT-2 tensor.

    Args:
        name: The name in the folder.

    Returns:
        The name in the file.

    Example:
        >>> _gguf_name("transformer.h.3.mlp.c_fc.bias")
        'blk.3.ffn_up.bias'
    """
    if name in _WHOLE:
        return _WHOLE[name]
    _, _, layer, *within, last = name.split(".")
    return f"blk.{layer}.{_LAYER['.'.join(within)]}.{last}"


def _check(config: Any, weights: GgufType, folder: Path) -> None:
    where = folder / "config.json"
    if config.activation_function not in _ACTIVATIONS:
        raise InputError(
            f"activation_function is {config.activation_function!r}; llama.cpp computes {_ACTIVATIONS[0]} in a GPT-2",
            where=where,
            fix="run it by yanmo generate",
        )
    if config.scale_attn_by_inverse_layer_idx or not config.scale_attn_weights:
        raise InputError(
            "attention is scaled in a way that llama.cpp does not know", where=where, fix="run it by yanmo generate"
        )
    is_in_blocks = weights in (GgufType.Q8_0, GgufType.Q4_0)
    for width in (config.n_embd, config.n_inner or 4 * config.n_embd):
        if is_in_blocks and width % 32:
            raise InputError(
                f"{weights.value} has blocks of 32 weights, and a row has {width}", where=where, fix="take f16 or f32"
            )


def _write_head(writer: Any, config: Any, tokenizer: CpmTokenizer | BertVocabulary, types: Any) -> None:
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    tokens = tokenizer.tokens
    control = {tokenizer.pad_id, tokenizer.eod_id, *tokenizer.start_ids}
    unknown = tokenizer.unknown_id
    kinds = [
        types.UNKNOWN if i == unknown else types.CONTROL if i in control else types.NORMAL for i in range(len(tokens))
    ]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(next(iter(tokenizer.start_ids), tokenizer.eod_id))
    writer.add_eos_token_id(tokenizer.eod_id)
    writer.add_unk_token_id(unknown)
    writer.add_pad_token_id(tokenizer.pad_id)
    writer.add_add_bos_token(bool(tokenizer.start_ids))


def _type_of(name: str, tensor: Tensor, weights: GgufType) -> GgufType:
    if tensor.ndim == 1 or name == "transformer.wpe.weight":
        return GgufType.F32
    return GgufType.Q8_0 if weights is GgufType.Q4_0 and name == "transformer.wte.weight" else weights


def _is_map(name: str, tensor: Tensor) -> bool:
    """GPT-2 stores the matrices of its layers as [in, out]."""
    return tensor.ndim == 2 and ".h." in name


def _turned_shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    return tuple(reversed(tensor.shape)) if _is_map(name, tensor) else tuple(tensor.shape)


def _laid_out(shape: tuple[int, ...], kind: GgufType, gguf: Any) -> tuple[tuple[int, ...], int, Any]:
    if kind in (GgufType.F32, GgufType.F16):
        dtype = np.dtype(np.float32 if kind is GgufType.F32 else np.float16)
        return shape, int(np.prod(shape)) * dtype.itemsize, dtype
    in_bytes = gguf.quant_shape_to_byte_shape(shape, gguf.GGMLQuantizationType[kind.name])
    return in_bytes, int(np.prod(in_bytes)), np.dtype(np.uint8)


def _values(name: str, tensor: Tensor, kind: GgufType, gguf: Any) -> NDArray[Any]:
    turned = (tensor.T if _is_map(name, tensor) else tensor).float().contiguous().numpy()
    if kind is GgufType.F32:
        return turned
    if kind is GgufType.F16:
        with np.errstate(over="ignore"):
            made: NDArray[Any] = turned.astype(np.float16)
        if not np.isfinite(made).all():
            raise InputError(f"'{name}' has weights beyond float16", fix="take f32 or q8_0")
        return made
    quantized: NDArray[Any] = gguf.quants.quantize(turned, gguf.GGMLQuantizationType[kind.name])
    return quantized
