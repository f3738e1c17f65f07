"""Variable names of Google's, bert4keras's and Huawei's checkpoints and Hugging Face's, as reversible rename rules."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from ..encode.config import EncoderConfig

__all__ = ["RenameRule", "rename_rules", "source_family", "why_left_out"]


class _Kind(Enum):
    """Kinds of layers: the endings of their tensors' names in TensorFlow and in Hugging Face's folders."""

    TABLE = (("", ".weight"),)
    DENSE = (("/kernel", ".weight"), ("/bias", ".bias"))
    NORM = (("/gamma", ".weight"), ("/beta", ".bias"))
    NAMED = (("", ""),)


# TensorFlow's name, Hugging Face's, what it is, sizes of its axes; {} is the layer.
_EMBEDDING = (
    ("bert/embeddings/word_embeddings", "embeddings.word_embeddings", _Kind.TABLE, "vocab embedding"),
    ("bert/embeddings/token_type_embeddings", "embeddings.token_type_embeddings", _Kind.TABLE, "types embedding"),
    ("bert/embeddings/LayerNorm", "embeddings.LayerNorm", _Kind.NORM, "embedding"),
)
_POSITION = (
    ("bert/embeddings/position_embeddings", "embeddings.position_embeddings", _Kind.TABLE, "positions embedding"),
)
_PROJECTION = (("bert/encoder/embedding_hidden_mapping_in", "embeddings_project", _Kind.DENSE, "embedding hidden"),)
_LAYER = (
    ("attention/self/query", "attention.self.query", _Kind.DENSE, "hidden hidden"),
    ("attention/self/key", "attention.self.key", _Kind.DENSE, "hidden hidden"),
    ("attention/self/value", "attention.self.value", _Kind.DENSE, "hidden hidden"),
    ("attention/output/dense", "attention.output.dense", _Kind.DENSE, "hidden hidden"),
    ("attention/output/LayerNorm", "attention.output.LayerNorm", _Kind.NORM, "hidden"),
    ("intermediate/dense", "intermediate.dense", _Kind.DENSE, "hidden inner"),
    ("output/dense", "output.dense", _Kind.DENSE, "inner hidden"),
    ("output/LayerNorm", "output.LayerNorm", _Kind.NORM, "hidden"),
)
# Parts that a checkpoint has whole or not at all. The decoder of the masked words is the token table.
_POOLER = (("bert/pooler/dense", "pooler.dense", _Kind.DENSE, "hidden hidden"),)
_MASKED_WORDS = (
    ("cls/predictions/transform/dense", "cls.predictions.transform.dense", _Kind.DENSE, "hidden embedding"),
    ("cls/predictions/transform/LayerNorm", "cls.predictions.transform.LayerNorm", _Kind.NORM, "embedding"),
    ("cls/predictions/output_bias", "cls.predictions.bias", _Kind.NAMED, "vocab"),
)
_NEXT_SENTENCE = (
    ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight", _Kind.NAMED, "two hidden"),
    ("cls/seq_relationship/output_bias", "cls.seq_relationship.bias", _Kind.NAMED, "two"),
)
# Variables that are rightly left behind, and what they are.
_LEFT_OUT = (
    (
        "optimizer state",
        r"/(adam_[mv]|Adam(_1)?|lamb_[mv]|Momentum)(_\d+)?$|^(beta[12]_power|.*loss_scale|good_steps)$",
    ),
    ("step count", r"^global_step$"),
    ("fine-tuned head", r"^(output_weights|output_bias)$|^(classifier|loss|cls/squad|crf_loss|project)/"),
)
# Families that name their variables in another way, by a name only they have.
_OTHERS = (
    ("ALBERT", r"/inner_group_\d+/"),
    ("ELECTRA", r"^(electra|generator|discriminator_predictions)/"),
    ("GPT", r"^(gpt|newslm|model/h\d+)/"),
    ("T5", r"^shared/embedding|^(encoder|decoder)/block_\d+"),
    ("XLNet", r"^model/transformer/"),
    ("TensorFlow 2 object-based", r"^_CHECKPOINTABLE_OBJECT_GRAPH$|/\.ATTRIBUTES/"),
)


@dataclass(frozen=True)
class RenameRule:
    """The name of one variable in TensorFlow and of its tensor in a Hugging Face folder.

    Attributes:
        variable: TensorFlow's name.
        tensor: Hugging Face's name.
        shape: The variable's shape, as the configuration wants it.
        is_transposed: Whether the tensor is the variable's transpose: a kernel maps from rows to columns there.
    """

    variable: str
    tensor: str
    shape: tuple[int, ...]
    is_transposed: bool


def rename_rules(config: EncoderConfig, names: Collection[str]) -> tuple[RenameRule, ...]:
    """Lists the rename rules for all variables of one checkpoint.

    Args:
        config: Decides the sizes, the number of layers, the prefix and which tables exist.
        names: The checkpoint's variables, which decide whether pooler and heads exist; a part of a head asks for all.

    Returns:
        One rule a variable; no variable and no tensor stands twice.
    """
    rows = [*_EMBEDDING]
    rows += _POSITION if config.model_type.has_absolute_positions else ()
    rows += _PROJECTION if config.embedding_width != config.width else ()
    for i in range(config.n_layers):
        rows += [
            (f"bert/encoder/layer_{i}/{theirs}", f"encoder.layer.{i}.{ours}", kind, axes)
            for theirs, ours, kind, axes in _LAYER
        ]
    for part in (_POOLER, _MASKED_WORDS, _NEXT_SENTENCE):
        if any(
            name == row[0] or name.startswith(f"{row[0]}/") for row in part for name in names if not why_left_out(name)
        ):
            rows += part
    sizes = {
        "vocab": config.vocab_size,
        "embedding": config.embedding_width,
        "hidden": config.width,
        "inner": config.inner_width,
        "positions": config.n_positions,
        "types": config.n_types,
        "two": 2,
    }
    prefix = f"{config.model_type.value}."
    rules = []
    for theirs, ours, kind, axes in rows:
        shape = tuple(sizes[axis] for axis in axes.split())
        stem = ours if ours.startswith("cls.") else f"{prefix}{ours}"
        for leaf, our_leaf in kind.value:
            is_kernel = leaf == "/kernel"
            whole = shape if kind is not _Kind.DENSE or is_kernel else shape[1:]
            rules.append(RenameRule(f"{theirs}{leaf}", f"{stem}{our_leaf}", whole, is_kernel))
    return tuple(rules)


def why_left_out(name: str) -> str | None:
    """Says why a variable is not converted, if that is as it should be.

    Args:
        name: TensorFlow's name.

    Returns:
        What it is, or None for one that belongs to the model.

    Example:
        >>> why_left_out("bert/pooler/dense/kernel/adam_v")
        'optimizer state'
    """
    return next((what for what, pattern in _LEFT_OUT if re.search(pattern, name)), None)


def source_family(names: Collection[str]) -> str | None:
    """Names the model family of a checkpoint that Yanmo does not convert.

    Args:
        names: The checkpoint's variables.

    Returns:
        The family, or None when it is no known stranger.
    """
    return next((family for family, pattern in _OTHERS if any(re.search(pattern, name) for name in names)), None)
