"""Every setting of a run of siamese text vectors: a YAML file, with overrides from the command line."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from pydantic import Field, model_validator

from ...probe import AlarmAction, CollapseLimits
from ...vectors.pooled import Pooling
from ...yaml_file import StrictModel
from ..loop.precision import Precision
from ..loop.regularizers import Regularizers
from ..loop.settings import load_settings

__all__ = ["CollapseSettings", "HeadSettings", "VectorConfig", "VectorMethod", "ViewSettings", "load_vector_config"]


class VectorMethod(str, Enum):
    """How two views are compared."""

    SIMSIAM = "simsiam"
    BYOL = "byol"


class ViewSettings(StrictModel):
    """How two views of a text come to differ, beside the encoder's dropout; see ``yanmo.vectors.views``."""

    delete_prob: float = Field(default=0.1, ge=0, lt=1)
    """Probability of dropping a word (jieba)."""
    span_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the words that a view keeps, as one stretch; 1 keeps all."""
    synonym_prob: float = Field(default=0.0, ge=0, le=1)
    """Probability of replacing a word by a synonym."""
    synonyms: Path | None = None
    """Text file with a group of synonyms a line, parted by spaces."""

    @model_validator(mode="after")
    def _check(self) -> "ViewSettings":
        if bool(self.synonym_prob) != (self.synonyms is not None):
            raise ValueError("synonym_prob and synonyms go together; set both or neither")
        return self

    @property
    def change_texts(self) -> bool:
        """Whether a view is more than the text itself."""
        return self.delete_prob > 0 or self.span_share < 1 or self.synonym_prob > 0


class HeadSettings(StrictModel):
    """Projector and predictor; they are thrown away after training."""

    projection_width: int = Field(default=384, gt=1)
    """Size of the projections, and of what is between the projector's layers."""
    projector_layers: int = Field(default=2, gt=0)
    """Linear maps of the projector."""
    predictor_width: int = Field(default=96, gt=0)
    """Size between the predictor's two maps."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Highest rate of the heads, which begin at random."""
    predictor_multiple: float = Field(default=10.0, gt=0)
    """The predictor's rate, as a multiple of the heads'. Among many readings of why nothing collapses: it must keep
    ahead of the encoder."""


class CollapseSettings(StrictModel):
    """The collapse probe, which is always on; see ``yanmo.probe.collapse_reading``."""

    every: int = Field(default=10, gt=0)
    """Steps from one reading to the next."""
    patience: int = Field(default=3, gt=0)
    """Collapsed readings in a row that set off the alarm."""
    std: float = Field(default=0.1, gt=0, lt=1)
    """Standard deviation (1 for isotropic vectors) below which vectors count as constant."""
    effective_rank: float = Field(default=2.0, gt=1)
    """Effective rank below which vectors count as rank-one."""
    low_rank: float = Field(default=4.0, gt=1)
    """Effective rank below which vectors count as low-rank, where rows and width leave room for four times as much."""
    neighbor_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Distance to the nearest over the mean distance, below which vectors count as clustered."""
    action: AlarmAction = AlarmAction.WARN
    """What an alarm does: warn, stop the run, or slow it down."""
    slow_factor: float = Field(default=0.1, gt=0, lt=1)
    """Every alarm of ``slow`` multiplies all rates by this."""

    @property
    def limits(self) -> CollapseLimits:
        """Where collapse begins."""
        return CollapseLimits(
            std=self.std,
            effective_rank=self.effective_rank,
            low_rank=self.low_rank,
            neighbor_ratio=self.neighbor_ratio,
        )


class VectorConfig(StrictModel):
    """Settings of one run; the defaults go on from a pretrained encoder."""

    method: VectorMethod = VectorMethod.SIMSIAM
    """How two views are compared."""
    n_layers: int | None = Field(default=None, gt=0)
    """Keep only so many of the base's lowest layers; None keeps all."""
    pooling: Pooling = Pooling.MEAN
    """How token vectors become one."""
    prompt: str = ""
    """Put before every text, in training and later by the Embedder; e5 expects ``query: ``."""
    max_length: int = Field(default=64, ge=8)
    """Tokens of the longest text, special ones and prompt included; in use later, up to the encoder's own limit."""
    max_characters: int = Field(default=128, ge=8)
    """Longer documents become several texts, cut behind a sentence's end where there is one."""
    min_characters: int = Field(default=4, ge=1)
    """Shorter texts are left out."""
    n_epochs: float = Field(default=1.0, gt=0)
    """Length of the run in passes over the texts; may be a fraction."""
    n_steps: int | None = Field(default=None, gt=0)
    """Length of the run in steps instead."""
    batch_size: int = Field(default=64, ge=8)
    """Texts of a step, with two views each. The heads' norms take statistics over it: below 32 they are noisy and the
    run is slow to learn, below 8 they say nothing."""
    views: ViewSettings = ViewSettings()
    """How views differ."""
    heads: HeadSettings = HeadSettings()
    """Projector and predictor."""
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """BYOL: largest share of its average that a step keeps."""
    seed: int = Field(default=0, ge=0)
    """Seed of the heads, the batches, the views and dropout."""
    learning_rate: float = Field(default=1e-5, gt=0)
    """Highest rate of the encoder, AdamW."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the run in which the rate rises from 0; afterwards it falls to 0 in a straight line."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    precision: Precision = Precision.FLOAT32
    """What training multiplies in; bfloat16 only where the hardware has units for it. Scores stay float32."""
    frozen_layers: int = Field(default=0, ge=0)
    """The embedding (when above 0) and so many lowest blocks do not learn."""
    frozen_embedding: bool = False
    """Whether the embedding does not learn either when every block does."""
    dropout_prob: float | None = Field(default=None, ge=0, lt=1)
    """Dropout of the encoder; None takes the base's own."""
    n_checkpoints: int = Field(default=10, gt=0)
    """How often the run saves what it needs to go on after a kill, evenly."""
    collapse: CollapseSettings = CollapseSettings()
    """The collapse probe and its alarm."""
    regularizers: Regularizers = Regularizers()
    """What bends the gradient; all off by default. ``r_drop`` and ``vat`` need logits, which vectors have none of."""
    report_to: tuple[str, ...] = ("tensorboard",)
    """Trackers, as transformers names them."""

    @model_validator(mode="after")
    def _check(self) -> "VectorConfig":
        if self.regularizers.compares_predictions:
            raise ValueError("r_drop and vat compare predictions of classes, which vectors have none of; set both to 0")
        return self


def load_vector_config(path: Path | None, *, overrides: Sequence[str] = ()) -> VectorConfig:
    """Reads a run's settings.

    Args:
        path: YAML file; None starts from the defaults.
        overrides: ``key=value`` each; values are YAML.

    Returns:
        The checked settings.

    Raises:
        InputError: The file or an override is wrong.

    Example:
        >>> load_vector_config(None, overrides=["heads.predictor_multiple=1"]).heads.predictor_multiple
        1.0
    """
    return load_settings(VectorConfig, path, overrides=overrides)
