"""BERT, WoBERT, RoFormer and NEZHA checkpoints of TensorFlow 1 to standard Hugging Face folders."""

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import new_folder, replacing
from ..encode.config import Activation, EncoderConfig, ModelType
from ..encode.strict_state import require_finite
from ..errors import InputError, chosen
from ..json_file import read_json
from ..tokenize import WordTokenizer, load_tokenizer
from .tensor_bundle import Checkpoint, ElementType, find_checkpoint, open_checkpoint
from .tensorflow_names import RenameRule, rename_rules, source_family, why_left_out

__all__ = ["Converted", "convert_tensorflow"]

_POSITION = "bert/embeddings/position_embeddings"
_FAMILIES = (ModelType.BERT, ModelType.ROFORMER, ModelType.NEZHA)
_CLASSES = {ModelType.BERT: "Bert", ModelType.ROFORMER: "RoFormer", ModelType.NEZHA: "Nezha"}
# Fields of bert_config.json that Hugging Face reads too and an encoder's configuration of ours does not hold.
_CARRIED = ("attention_probs_dropout_prob", "initializer_range")
_CASED = re.compile(r"(##)?[A-Z]")


@dataclass(frozen=True)
class Converted:
    """What a conversion of a TensorFlow checkpoint wrote and left out.

    Attributes:
        config: The encoder's configuration.
        architecture: The Hugging Face class that has all tensors.
        tensors: Names of the tensors written.
        left_out: Numbers of variables left behind, by what they are.
        tokenizer: The tokenizer written.
    """

    config: EncoderConfig
    architecture: str
    tensors: tuple[str, ...]
    left_out: dict[str, int]
    tokenizer: WordTokenizer


def convert_tensorflow(
    source: Path,
    out: Path,
    *,
    checkpoint: str | None = None,
    model_type: ModelType | str | None = None,
    activation: Activation | str | None = None,
) -> Converted:
    """Converts a checkpoint folder of Google, bert4keras or Huawei; TensorFlow is not needed.

    ``gelu`` means the exact one, as in BERT's first release and in bert4keras, but NEZHA's own code computes the one by
    tanh; ``activation`` or the field ``hidden_act`` = ``gelu_new`` says otherwise.

    Args:
        source: Folder with ``NAME.index``, ``NAME.data-*``, ``bert_config.json`` and ``vocab.txt``.
        out: The Hugging Face folder to make; it appears whole or not at all.
        checkpoint: ``NAME``, where the folder holds several.
        model_type: ``BERT`` (WoBERT and RoBERTa-wwm are BERT too), ``ROFORMER`` or ``NEZHA``; None finds it out.
        activation: The feed-forward part's activation; None takes the configuration's.

    Returns:
        What was written and what was left behind.

    Raises:
        InputError: A file is missing, truncated or damaged; a variable is missing, unknown, not finite or
            of another shape than the configuration says; the model type cannot be told; the layout is none of these;
            ``out`` holds something.

    Source: variable names as in google-research/bert, bert4keras and NEZHA-TensorFlow; arXiv:1810.04805, 2104.09864 and
        1909.00204.
    """
    model_type = None if model_type is None else chosen(ModelType, model_type, name="model_type")
    activation = None if activation is None else chosen(Activation, activation, name="activation")
    opened = open_checkpoint(find_checkpoint(source, checkpoint))
    family = source_family(opened.variables)
    if family is not None:
        raise InputError(
            f"is a checkpoint of {family} layout; Yanmo converts BERT, WoBERT, RoFormer and NEZHA",
            where=opened.prefix,
            fix="name a checkpoint of one of these",
        )
    path = source / "bert_config.json"
    values = _read_config(path)
    kind = _model_type(values, opened, path) if model_type is None else model_type
    if kind not in _FAMILIES:
        raise InputError(f"no TensorFlow layout of {kind.value} is known", fix="name bert, roformer or nezha")
    config = _config(values, kind, activation, path)
    tokenizer = _tokenizer(source / "vocab.txt", config)
    rules = rename_rules(config, opened.variables)
    left_out = _check(rules, opened, config)
    tensors = {rule.tensor: _tensor(rule, opened) for rule in rules}
    if kind is ModelType.ROFORMER:
        tensors["roformer.encoder.embed_positions.weight"] = _rotary_table(config)
    architecture = _architecture(kind, tensors)
    config = replace(config, pad_id=tokenizer.pad_id)
    written = config.to_hf() | {name: values[name] for name in _CARRIED if name in values}
    written |= {"architectures": [architecture], "dtype": "float32"}
    with new_folder(out) as folder:
        tokenizer.save(folder)
        (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        # Through a name of its own, since safetensors makes files that only their owner may read.
        with replacing(folder / "model.safetensors") as temporary:
            save_file(tensors, temporary, metadata={"format": "pt"})
    return Converted(config, architecture, tuple(tensors), left_out, tokenizer)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except FileNotFoundError:
        raise InputError(
            "the file is missing; it says the model's sizes", where=path, fix="copy it there under this name"
        ) from None


def _model_type(values: dict[str, Any], opened: Checkpoint, path: Path) -> ModelType:
    """The family, by what the configuration says and by whether there is a position table."""
    has_table = _POSITION in opened.variables
    stated = values.get("model_type") or ("nezha" if values.get("use_relative_position") else None)
    if stated is None and has_table:
        return ModelType.BERT
    if stated is None:
        raise InputError(
            f"the checkpoint has no '{_POSITION}' and the configuration does not say what takes its place",
            where=path,
            fix="add --model-type roformer (rotary positions) or --model-type nezha (relative positions)",
        )
    known = {member.value: member for member in _FAMILIES}
    if stated not in known:
        raise InputError(f"model_type {stated!r} is none of {', '.join(known)}", where=path, fix="add --model-type")
    if known[stated].has_absolute_positions is not has_table:
        raise InputError(
            f"the configuration says {stated}, but the checkpoint has {'a' if has_table else 'no'} position table",
            where=path,
            fix=f"add --model-type {'bert' if has_table else 'roformer or --model-type nezha'} if that is what it is",
        )
    return known[stated]


def _config(values: dict[str, Any], kind: ModelType, activation: Activation | None, path: Path) -> EncoderConfig:
    if activation is None and kind is ModelType.NEZHA and values.get("hidden_act", "gelu") == "gelu":
        activation = Activation.GELU_NEW
    chosen = {} if activation is None else {"hidden_act": activation.value}
    try:
        return EncoderConfig.from_hf(values | {"model_type": kind.value} | chosen)
    except InputError as error:
        raise InputError(error.problem, where=path, fix=error.fix) from None


def _tokenizer(path: Path, config: EncoderConfig) -> WordTokenizer:
    tokenizer = load_tokenizer(path)
    if not isinstance(tokenizer, WordTokenizer):  # a file always gives one
        raise InputError("is no vocabulary", where=path)
    if tokenizer.vocab_size != config.vocab_size:
        raise InputError(
            f"has {tokenizer.vocab_size:,} tokens, bert_config.json asks for {config.vocab_size:,}",
            where=path,
            fix="take the vocab.txt that came with the checkpoint",
        )
    # The configuration does not say whether the model was trained on lower-cased text; its vocabulary does.
    is_cased = any(_CASED.match(token) for token in tokenizer.vocabulary)
    return WordTokenizer(tokenizer.vocabulary, segmenter=tokenizer.segmenter, lower_case=not is_cased)


def _check(rules: tuple[RenameRule, ...], opened: Checkpoint, config: EncoderConfig) -> dict[str, int]:
    """Refuses a variable too few, too many or misshapen; counts those left behind."""
    kind = config.model_type.value
    for rule in rules:
        variable = opened.variables.get(rule.variable)
        if variable is None:
            raise InputError(
                f"the variable '{rule.variable}' {list(rule.shape)} is missing from this {kind} checkpoint",
                where=opened.prefix,
                fix="check num_hidden_layers in bert_config.json and --model-type, or get the whole checkpoint",
            )
        if variable.shape != rule.shape:
            raise InputError(
                f"the variable '{rule.variable}' has the shape {list(variable.shape)}, "
                f"bert_config.json asks for {list(rule.shape)}",
                where=opened.prefix,
                fix="bert_config.json and checkpoint belong to different models; take those that came together",
            )
    mapped = {rule.variable for rule in rules}
    reasons = {name: why_left_out(name) for name in opened.variables if name not in mapped}
    unknown = sorted(name for name, reason in reasons.items() if reason is None)
    if unknown:
        others = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise InputError(
            f"the variable '{unknown[0]}'{others} is no part of a {kind} checkpoint",
            where=opened.prefix,
            fix="check num_hidden_layers in bert_config.json and --model-type",
        )
    return dict(Counter(reason for reason in reasons.values() if reason is not None))


def _tensor(rule: RenameRule, opened: Checkpoint) -> Tensor:
    values = opened.read(rule.variable)
    element = ElementType(opened.variables[rule.variable].type_number)
    if not element.is_floating:
        raise InputError(
            f"the variable '{rule.variable}' is {element.name.lower()}, not floating point",
            where=opened.prefix,
            fix="get the checkpoint again",
        )
    # A copy in every case: torch wants memory it may write to, and safetensors wants rows that lie in order.
    tensor = torch.from_numpy(np.array(values.T if rule.is_transposed else values, dtype=np.float32, order="C"))
    require_finite(rule.variable, tensor, where=opened.prefix)
    return tensor


def _rotary_table(config: EncoderConfig) -> Tensor:
    """Sines and cosines of all angles: computed in the source, but a tensor that Hugging Face expects in a folder."""
    head_width = config.width // config.n_heads
    frequencies = 10000.0 ** (-np.arange(0, head_width, 2) / head_width)
    angles = np.outer(np.arange(config.n_positions), frequencies)
    return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], -1).astype(np.float32))


def _architecture(kind: ModelType, tensors: dict[str, Tensor]) -> str:
    heads = {
        part: any(name.startswith(f"cls.{part}.") for name in tensors) for part in ("predictions", "seq_relationship")
    }
    # RoFormer's Hugging Face model has no pooler, so none that predicts the next sentence either.
    if all(heads.values()) and kind is not ModelType.ROFORMER:
        return f"{_CLASSES[kind]}ForPreTraining"
    return f"{_CLASSES[kind]}{'ForMaskedLM' if heads['predictions'] else 'Model'}"
