"""Every setting of a pretraining run: a YAML file, with overrides from the command line, saved with the run."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..loop.precision import Precision
from ..loop.regularizers import Regularizers
from ..loop.settings import load_settings
from .nats import HiddenOrder

__all__ = ["PretrainConfig", "load_pretrain_config"]


class PretrainConfig(BaseModel):
    """Settings of one pretraining run; the defaults go on from a pretrained encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_layers: int | None = Field(default=None, gt=0)
    """Keep only so many of the base's lowest layers; None keeps all."""
    max_length: int = Field(default=256, ge=8)
    """Tokens of the longest row, special ones included; longer documents become several rows."""
    n_epochs: float = Field(default=1.0, gt=0)
    """Length of the run in passes over the corpus; may be a fraction."""
    n_tokens: int | None = Field(default=None, gt=0)
    """Length of the run in tokens instead, special ones included, to give different vocabularies equal compute."""
    max_tokens: int = Field(default=4096, gt=0)
    """Computed tokens of a batch: rows times the longest row."""
    accumulation: int = Field(default=4, gt=0)
    """Batches that each process sums over for one optimizer step."""
    mask_prob: float = Field(default=0.15, gt=0, lt=1)
    """Share of a row's tokens that are hidden."""
    seed: int = Field(default=0, ge=0)
    """Seed of a new head, the batches, the masking and dropout."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Highest rate of AdamW."""
    adam_beta2: float = Field(default=0.98, gt=0, lt=1)
    """Memory of AdamW's squared gradients."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices."""
    warmup: float = Field(default=0.06, ge=0, lt=1)
    """Share of the run in which the rate rises from 0; afterwards it falls to 0 in a straight line."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    precision: Precision = Precision.FLOAT32
    """What training multiplies in; bfloat16 only where the hardware has units for it. Scores stay float32."""
    frozen_layers: int = Field(default=0, ge=0)
    """So many lowest blocks do not learn; saves a third of their work."""
    frozen_embedding: bool = False
    """Whether tokens, positions and types do not learn either; with frozen layers this saves two thirds of their work.
    The output bias and the head always learn."""
    dropout_prob: float | None = Field(default=None, ge=0, lt=1)
    """Dropout of the encoder's hidden states; None takes the base's own."""
    heldout_share: float = Field(default=0.002, ge=0, lt=1)
    """At most this share of the documents is kept from training for the curve; 0 keeps none and draws no curve."""
    heldout_documents: int = Field(default=200, gt=0)
    """At most so many documents are kept from training."""
    heldout_min_characters: int = Field(default=32, gt=0)
    """Shorter documents are not held out."""
    heldout_characters: int = Field(default=128, gt=0)
    """Longest passage of a held-out document that is judged."""
    heldout_seed: int = Field(default=0, ge=0)
    """Seed of documents, passages and hidden words; runs to be compared share it."""
    heldout_order: HiddenOrder = HiddenOrder.CHAIN
    """How a hidden word of several tokens is scored."""
    n_evaluations: int = Field(default=10, gt=0)
    """Points of the curve, evenly, the last at the end; one before the first step comes on top."""
    n_checkpoints: int | None = Field(default=None, gt=0)
    """How often at least the run saves what it needs to go on after a kill, evenly, at every evaluation among others;
    None saves at evaluations only."""
    regularizers: Regularizers = Regularizers()
    """What bends the gradient; all off by default."""
    report_to: tuple[str, ...] = ("tensorboard",)
    """Trackers, as transformers names them."""

    @model_validator(mode="after")
    def _check(self) -> "PretrainConfig":
        if self.max_tokens < self.max_length:
            raise ValueError(f"max_tokens ({self.max_tokens}) holds no row of max_length ({self.max_length})")
        return self

    @property
    def n_saves(self) -> int:
        """Checkpoints of the run: one at every evaluation, and so many more between them that those set are there."""
        wanted = self.n_checkpoints or 1
        return self.n_evaluations * -(-wanted // self.n_evaluations)


def load_pretrain_config(path: Path | None, *, overrides: Sequence[str] = ()) -> PretrainConfig:
    """Reads a run's settings.

    Args:
        path: YAML file; None starts from the defaults.
        overrides: ``key=value`` each; values are YAML.

    Returns:
        The checked settings.

    Raises:
        InputError: The file or an override is wrong.

    Example:
        >>> load_pretrain_config(None, overrides=["max_length=128"]).max_length
        128
    """
    return load_settings(PretrainConfig, path, overrides=overrides)
