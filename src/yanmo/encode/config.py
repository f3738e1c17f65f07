"""What an encoder of the BERT family is, read from and written to a Hugging Face ``config.json``."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..errors import InputError, chosen

__all__ = ["Activation", "EncoderConfig", "ModelType"]


class ModelType(Enum):
    """The Hugging Face ``model_type`` values we read."""

    BERT = "bert"
    ROBERTA = "roberta"
    XLM_ROBERTA = "xlm-roberta"
    ERNIE = "ernie"
    ROFORMER = "roformer"
    NEZHA = "nezha"

    @property
    def has_absolute_positions(self) -> bool:
        """Whether positions are a table in the embedding rather than part of attention."""
        return self not in (ModelType.ROFORMER, ModelType.NEZHA)

    @property
    def counts_positions_from_padding(self) -> bool:
        """Whether the first token takes the row of positions behind padding's, as in RoBERTa, and not row 0."""
        return self in (ModelType.ROBERTA, ModelType.XLM_ROBERTA)


class Activation(Enum):
    """The activations of the feed-forward part, by their Hugging Face names."""

    GELU = "gelu"
    GELU_NEW = "gelu_new"
    RELU = "relu"


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and kinds of one encoder.

    Attributes:
        model_type: Which family member it is.
        vocab_size: Rows of the token table.
        width: Size of the hidden axis.
        embedding_width: Size of the token table's rows; RoFormer may project it to ``width``.
        n_layers: Number of blocks.
        n_heads: Attention heads a block.
        inner_width: Size inside the feed-forward part.
        n_positions: Rows of the position table; for rotary and relative positions the length it was trained on.
        n_types: Rows of the type table.
        n_task_types: Rows of ERNIE's task-type table, 0 where there is none.
        max_distance: NEZHA's largest distinguished distance, in tokens.
        eps: Added to the variance in every norm.
        activation: Activation of the feed-forward part.
        dropout_prob: Probability of dropping a component of a hidden state while training.
        pad_id: Token id of padding, which RoBERTa counts positions from.
    """

    model_type: ModelType
    vocab_size: int
    width: int
    embedding_width: int
    n_layers: int
    n_heads: int
    inner_width: int
    n_positions: int
    n_types: int = 2
    n_task_types: int = 0
    max_distance: int = 64
    eps: float = 1e-12
    activation: Activation = Activation.GELU
    dropout_prob: float = 0.1
    pad_id: int = 0

    def __post_init__(self) -> None:
        """Takes kinds by their values too, and refuses sizes that cannot make an encoder."""
        object.__setattr__(self, "model_type", chosen(ModelType, self.model_type, name="model_type"))
        object.__setattr__(self, "activation", chosen(Activation, self.activation, name="activation"))
        if self.width % self.n_heads:
            raise InputError(f"hidden_size {self.width} is not a multiple of num_attention_heads {self.n_heads}")
        if self.n_types < 1:
            raise InputError(f"type_vocab_size is {self.n_types}, but the type table needs a row")
        if self.model_type.counts_positions_from_padding and not 0 <= self.pad_id < self.n_positions - 1:
            raise InputError(
                f"pad_token_id {self.pad_id} leaves no row of max_position_embeddings {self.n_positions}, and "
                f"{self.model_type.value} counts positions from it"
            )
        if not 0 <= self.pad_id < self.vocab_size:
            raise InputError(f"pad_token_id {self.pad_id} is no row of vocab_size {self.vocab_size}")
        if not self.model_type.has_absolute_positions and (self.width // self.n_heads) % 2:
            raise InputError(f"{self.model_type.value} needs an even head width, not {self.width // self.n_heads}")
        if self.embedding_width != self.width and self.model_type is not ModelType.ROFORMER:
            raise InputError("only roformer may have an embedding_size other than its hidden_size")

    @property
    def max_tokens(self) -> int | None:
        """Tokens the position table allows, or None where positions are computed and have no end."""
        return self.n_positions - self.position_start if self.model_type.has_absolute_positions else None

    @property
    def position_start(self) -> int:
        """Row of the position table that the first token takes: 0, or in RoBERTa ``pad_token_id + 1``."""
        return self.pad_id + 1 if self.model_type.counts_positions_from_padding else 0

    @classmethod
    def from_hf(cls, values: dict[str, Any]) -> "EncoderConfig":
        """Reads the fields of a Hugging Face ``config.json``.

        Args:
            values: The parsed file.

        Returns:
            The configuration.

        Raises:
            InputError: The architecture is none of ours, or a field we cannot honor is set.
        """
        given = values.get("model_type")
        known = [member.value for member in ModelType]
        if given not in known:
            raise InputError(
                f"model_type {given!r} is not an encoder Yanmo reads ({', '.join(known)})", fix="name another base"
            )
        for name, unsupported in _UNSUPPORTED.items():
            if values.get(name, unsupported.default) not in unsupported.allowed:
                raise InputError(f"{name} = {values[name]!r} is not supported (only {unsupported.allowed})")
        known_activations = [member.value for member in Activation]
        # What transformers takes where the file does not say it.
        pad_id = values.get("pad_token_id", 1 if ModelType(given).counts_positions_from_padding else 0)
        if pad_id is None and ModelType(given).counts_positions_from_padding:
            raise InputError(
                f"pad_token_id is null, and {given} counts positions from it", fix="write the id of <pad> there"
            )
        activation = values.get("hidden_act", "gelu")
        if activation not in known_activations:
            raise InputError(f"hidden_act {activation!r} is none of {', '.join(known_activations)}")
        for name, (kind, least, most) in _NUMBERS.items():
            _check_number(values, name, kind, least, most)
        try:
            return cls(
                model_type=ModelType(given),
                vocab_size=values["vocab_size"],
                width=values["hidden_size"],
                embedding_width=values.get("embedding_size") or values["hidden_size"],
                n_layers=values["num_hidden_layers"],
                n_heads=values["num_attention_heads"],
                inner_width=values["intermediate_size"],
                n_positions=values.get("max_position_embeddings", 512),
                n_types=values.get("type_vocab_size", 2),
                n_task_types=values.get("task_type_vocab_size", 3) if values.get("use_task_id") else 0,
                max_distance=values.get("max_relative_position", 64),
                eps=values.get("layer_norm_eps", 1e-12),
                activation=Activation(activation),
                dropout_prob=values.get("hidden_dropout_prob", 0.1),
                pad_id=pad_id or 0,
            )
        except KeyError as error:
            raise InputError(f"the configuration lacks the field {error.args[0]!r}") from error

    def to_hf(self) -> dict[str, Any]:
        """Writes the fields as a Hugging Face ``config.json`` that ``from_hf`` reads back unchanged."""
        values: dict[str, Any] = {
            "model_type": self.model_type.value,
            "architectures": [_ARCHITECTURES[self.model_type]],
            "vocab_size": self.vocab_size,
            "hidden_size": self.width,
            "num_hidden_layers": self.n_layers,
            "num_attention_heads": self.n_heads,
            "intermediate_size": self.inner_width,
            "max_position_embeddings": self.n_positions,
            "type_vocab_size": self.n_types,
            "layer_norm_eps": self.eps,
            "hidden_act": self.activation.value,
            "hidden_dropout_prob": self.dropout_prob,
            "attention_probs_dropout_prob": 0.0,
            "pad_token_id": self.pad_id,
        }
        if self.model_type is ModelType.ROFORMER:
            values |= {"embedding_size": self.embedding_width, "rotary_value": False}
        if self.model_type is ModelType.NEZHA:
            values["max_relative_position"] = self.max_distance
        if self.model_type is ModelType.ERNIE:
            values |= {"use_task_id": self.n_task_types > 0, "task_type_vocab_size": self.n_task_types or 3}
        return values


@dataclass(frozen=True)
class _Unsupported:
    default: Any
    allowed: tuple[Any, ...]


def _check_number(values: dict[str, Any], name: str, kind: str, least: int, most: float) -> None:
    value = values.get(name, least)
    if value is None and name in _MAY_BE_NULL:
        return
    kinds: tuple[type, ...] = (int,) if kind == "whole number" else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # NaN lies nowhere
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f"from {least:g}"
        raise InputError(f"{name} is {value!r}, expected a {kind} {limits}", fix="get config.json again")


# Fields that are numbers: of which kind, the least and the most that each may be.
_NUMBERS = {
    "vocab_size": ("whole number", 1, math.inf),
    "hidden_size": ("whole number", 1, math.inf),
    "embedding_size": ("whole number", 1, math.inf),
    "num_hidden_layers": ("whole number", 1, math.inf),
    "num_attention_heads": ("whole number", 1, math.inf),
    "intermediate_size": ("whole number", 1, math.inf),
    "max_position_embeddings": ("whole number", 1, math.inf),
    "type_vocab_size": ("whole number", 1, math.inf),
    "task_type_vocab_size": ("whole number", 1, math.inf),
    "max_relative_position": ("whole number", 1, math.inf),
    # RoBERTa counts positions from it, and says more of what it may be.
    "pad_token_id": ("whole number", -1, math.inf),
    "layer_norm_eps": ("number", 0, 1.0),
    "hidden_dropout_prob": ("number", 0, 1.0),
}
_MAY_BE_NULL = ("embedding_size", "pad_token_id")
_UNSUPPORTED = {
    "position_embedding_type": _Unsupported("absolute", ("absolute", None)),
    "rotary_value": _Unsupported(False, (False, None)),
    "is_decoder": _Unsupported(False, (False, None)),
    "add_cross_attention": _Unsupported(False, (False, None)),
}
_ARCHITECTURES = {
    ModelType.BERT: "BertModel",
    ModelType.ROBERTA: "RobertaModel",
    ModelType.XLM_ROBERTA: "XLMRobertaModel",
    ModelType.ERNIE: "ErnieModel",
    ModelType.ROFORMER: "RoFormerModel",
    ModelType.NEZHA: "NezhaModel",
}
