"""What a threshold promises, and the evidence it was promised on, as ``matching.json`` keeps it."""

from enum import Enum

from pydantic import Field

from ..yaml_file import StrictModel

__all__ = ["Promise", "PromiseKind"]


class PromiseKind(str, Enum):
    """What is bounded."""

    PRECISION = "precision"
    """At least this share of the accepted pairs are matches."""
    RECALL = "recall"
    """At least this share of the matches are accepted."""
    COST = "cost"
    """A pair costs at most this much in the mean, by the prices of the two mistakes."""


class Promise(StrictModel):
    """A bound that holds on pairs like those it was made on, whatever the model, except with a small chance."""

    kind: PromiseKind
    """What is bounded."""
    level: float = Field(ge=0.0)
    """The bound."""
    confidence: float = Field(gt=0.0, lt=1.0)
    """Chance, over the labelled pairs that might have been drawn, with which the bound is kept."""
    n: int = Field(ge=1)
    """Labelled pairs."""
    n_matches: int = Field(ge=0)
    """Matches among them."""
    precision: float = Field(ge=0.0, le=1.0)
    """Precision that was counted on them."""
    recall: float = Field(ge=0.0, le=1.0)
    """Recall that was counted on them."""
    costs: tuple[float, float] | None = None
    """What a wrong match and a missed match cost, where the cost is bounded."""
    made_on: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The day, as 2026-11-30."""
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the labelled pairs; see ``yanmo.data.fingerprint_pairs``."""
