"""Every setting of a training run: a YAML file, with overrides from the command line, saved with the run."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...match.architecture import Architecture
from ...tokenize import TextNormalization
from ..loop.precision import Precision
from ..loop.regularizers import Regularizers
from ..loop.settings import load_settings

__all__ = ["ClassWeighting", "LossKind", "TrainConfig", "load_train_config"]


class LossKind(str, Enum):
    """Which loss is trained; see ``yanmo.fit.matching.losses``."""

    CROSS_ENTROPY = "cross_entropy"
    FOCAL = "focal"


class ClassWeighting(str, Enum):
    """How much a match counts beside a non-match: as much, or so that both classes of a task weigh the same."""

    NONE = "none"
    BALANCED = "balanced"


class TrainConfig(BaseModel):
    """Settings of one training run. Rates are for AdamW; the defaults are those of an encoder of BERT's size."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    architecture: Architecture = Architecture()
    """What is built around the encoder."""
    normalization: TextNormalization | None = None
    """The steps taken between a text and its tokens; None takes a matcher's own where the run goes on from one, and
    all of them around an encoder."""
    n_layers: int | None = Field(default=None, gt=0)
    """Keep only so many of the base's lowest layers; None keeps all."""
    n_epochs: float = Field(default=3.0, gt=0)
    """Length of the run in passes over the pairs; may be a fraction."""
    max_tokens: int = Field(default=2048, gt=0)
    """Computed tokens of a batch: rows times the longest row."""
    implied_labels: bool = False
    """Whether a task also learns from pairs whose label follows from that of a task it implies or is implied by."""
    balance: float = Field(default=1.0, ge=0, le=1)
    """Which share of the pairs each task gets: at 1 its share of all pairs there are, at 0 every task the same, between
    them its number of pairs to this power."""
    task_weights: dict[str, Annotated[float, Field(gt=0)]] = {}
    """How many times that share a task gets, by its name: more for one that is far from its goal, less for long pairs
    that cost much; once for tasks that are not named."""
    seed: int = Field(default=0, ge=0)
    """Seed of the new weights, the batches and dropout."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Rate of the top layer."""
    new_learning_rate: float | None = Field(default=None, gt=0)
    """Rate of the head and the task biases; None takes ten times ``learning_rate``."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor on the rate from a layer to the one below it."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the run in which the rates rise from 0; afterwards they fall to 0 in a straight line."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    precision: Precision = Precision.FLOAT32
    """What training multiplies in; bfloat16 only where the hardware has units for it. Scores stay float32."""
    frozen_layers: int = Field(default=0, ge=0)
    """So many lowest layers, and the embedding below them, do not learn. Their states are computed once per text."""
    frozen_word_embedding: bool = True
    """Whether the token table stays as it is even when all layers learn."""
    frozen_shared: bool = False
    """Only what a task has for itself learns: its vector, its bias and, where it has one, its head. With a trained
    matcher as base, tasks without pairs then answer as before, and new ones are learned beside them."""
    dropout_prob: float | None = Field(default=None, ge=0, lt=1)
    """Dropout of the encoder's hidden states; None takes the base's own."""
    loss: LossKind = LossKind.CROSS_ENTROPY
    """The loss."""
    focal_gamma: float = Field(default=2.0, ge=0)
    """Strength of the focal loss."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """How far labels are drawn towards the middle; cross-entropy only."""
    class_weighting: ClassWeighting = ClassWeighting.NONE
    """Weight of matches against non-matches."""
    average_decay: float | None = Field(default=0.99, gt=0, lt=1)
    """Decay of the moving average of the weights, which is what is evaluated and saved; None keeps no average."""
    n_evaluations: int = Field(default=4, gt=0)
    """How often the run is evaluated on the validation split, evenly, the last at its end."""
    evaluate_start: bool = True
    """Whether it is evaluated before the first step as well, so that a task that ends below its start is named."""
    n_checkpoints: int | None = Field(default=None, gt=0)
    """How often at least the run saves what it needs to go on after a kill, evenly, at every evaluation among others;
    None saves at evaluations only."""
    patience: int | None = Field(default=None, gt=0)
    """Stop after so many evaluations without a better official score, and keep the best; None keeps the last."""
    regularizers: Regularizers = Regularizers()
    """What bends the gradient; all off by default."""
    report_to: tuple[str, ...] = ("tensorboard",)
    """Trackers, as transformers names them."""

    @model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        if self.loss is LossKind.FOCAL and self.label_smoothing:
            raise ValueError("label_smoothing belongs to cross_entropy, not to focal")
        own = self.architecture
        if self.frozen_layers and own.conditional_from is not None and own.conditional_from < self.frozen_layers:
            raise ValueError(
                f"frozen_layers is {self.frozen_layers} but architecture.conditional_from {own.conditional_from}: "
                f"a frozen layer cannot learn its condition; set it to {self.frozen_layers}"
            )
        return self

    @property
    def n_saves(self) -> int:
        """Checkpoints of the run: one at every evaluation, and so many more between them that those set are there."""
        wanted = self.n_checkpoints or 1
        return self.n_evaluations * -(-wanted // self.n_evaluations)

    @property
    def head_rate(self) -> float:
        """Rate of the head and the task biases."""
        return 10 * self.learning_rate if self.new_learning_rate is None else self.new_learning_rate


def load_train_config(path: Path | None, *, overrides: Sequence[str] = ()) -> TrainConfig:
    """Reads a run's settings.

    Args:
        path: YAML file; None starts from the defaults.
        overrides: ``key=value`` each, a dot leading into a group (``architecture.joint_from=9``); values are YAML.

    Returns:
        The checked settings.

    Raises:
        InputError: The file or an override is wrong.

    Example:
        >>> load_train_config(None, overrides=["architecture.joint_from=9", "n_epochs=2"]).architecture.joint_from
        9
    """
    return load_settings(TrainConfig, path, overrides=overrides)
