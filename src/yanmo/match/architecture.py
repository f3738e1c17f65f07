"""How a matcher is built around its encoder: the part of ``matching.json`` that the weights must fit."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from ..errors import InputError
from ..tokenize import PairLayout
from ..yaml_file import refusal_of

__all__ = ["Architecture", "AttentionKind", "HeadKind", "read_architecture"]


class HeadKind(Enum):
    """The heads a matcher may have; see ``yanmo.layers``."""

    INTERACTION = "interaction"
    POOLED = "pooled"
    MEAN = "mean"
    ALIGNMENT = "alignment"
    CLASSIFICATION = "classification"
    """The head of a cross-encoder, which a run takes over from its base."""


class AttentionKind(Enum):
    """How attention scores become attention weights in every layer; see ``yanmo.layers``.

    A base was pretrained with softmax: the others ask for training that is long enough to get used to them.
    """

    SOFTMAX = "softmax"
    TAYLOR_2 = "taylor2"
    TAYLOR_4 = "taylor4"
    TAYLOR_6 = "taylor6"
    LINEAR_TAYLOR = "linear_taylor"
    """The function of ``taylor2`` in time linear in the length."""


class Architecture(BaseModel):
    """Settings of the matcher's network around its encoder: layout, attention, condition and heads.

    Attributes:
        layout: How two texts stand in one input.
        joint_from: First layer whose attention crosses between the two texts.
        attention: How attention scores become weights; linear attention takes no ``joint_from``, as there
            every token has keys of its own.
        conditional_from: First layer whose norms take the task's vector; None for a matcher without conditions.
        condition_width: Size of a task's vector.
        head: Which head gives the logit.
        head_width: Size of the hidden layer of the interaction and alignment heads.
        side_vectors: Whether every task that is not symmetric learns a vector that the head adds to the second side.
        separate_heads: Whether every task has a head of its own; such heads take no condition.
        head_dropout_prob: Probability of dropping a component in the head while training.
        prefix: Put before each text, such as e5's ``"query: "``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: PairLayout = PairLayout.JOINT
    joint_from: int = Field(default=0, ge=0)
    attention: AttentionKind = AttentionKind.SOFTMAX
    conditional_from: int | None = Field(default=0, ge=0)
    condition_width: int = Field(default=128, gt=0)
    head: HeadKind = HeadKind.INTERACTION
    head_width: int = Field(default=384, gt=0)
    side_vectors: bool = False
    separate_heads: bool = False
    head_dropout_prob: float = Field(default=0.1, ge=0, lt=1)
    prefix: str = ""

    @model_validator(mode="after")
    def _check(self) -> "Architecture":
        if self.attention is AttentionKind.LINEAR_TAYLOR and self.joint_from:
            raise ValueError(
                f"linear_taylor attention cannot keep two texts apart, but joint_from is {self.joint_from}: "
                "set it to 0, or take taylor2"
            )
        if self.side_vectors and self.head not in (HeadKind.INTERACTION, HeadKind.ALIGNMENT):
            raise ValueError(f"the {self.head.value} head has no sides to tell apart: leave side_vectors out")
        return self


def read_architecture(values: Mapping[str, JsonValue], *, where: Path) -> Architecture:
    """Reads the part of ``matching.json`` that says how the matcher is built.

    Args:
        values: Its ``model``.
        where: The file, for messages.

    Returns:
        The settings.

    Raises:
        InputError: One of them is none.
    """
    try:
        return Architecture.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(f"model.{refusal_of(error)}", where=where, fix="copy the folder again") from error
