"""From log-likelihoods of labels to decisions: per text or per token, calibrated or not, all labels or some."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, chosen

__all__ = ["Calibrated", "LabelScores", "LabelScoring", "Length", "sample_labels"]


class Length(str, Enum):
    """Whether a label's score is its whole log-likelihood or the mean over its tokens."""

    WHOLE = "whole"
    """The log-likelihood of all its tokens, which favors short labels."""
    PER_TOKEN = "per_token"
    """The mean log-likelihood of its tokens."""


class Calibrated(str, Enum):
    """Whether scores are corrected for how likely a label is after an input without content."""

    NO = "no"
    CONTENT_FREE = "content_free"
    """Probabilities are divided by those that the same prompt gives the labels for inputs without content."""


@dataclass(frozen=True, slots=True)
class LabelScoring:
    """How labels are scored: the whole label or the mean of its tokens, calibrated or not.

    Attributes:
        length: Whether the whole label's log-likelihood counts or the mean of its tokens.
        calibrated: Whether the labels' own popularity is taken out.

    Raises:
        InputError: One of them is none of its values.
    """

    length: Length
    calibrated: Calibrated = Calibrated.NO

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", chosen(Length, self.length, name="length"))
        object.__setattr__(self, "calibrated", chosen(Calibrated, self.calibrated, name="calibrated"))

    @property
    def name(self) -> str:
        """What it is called in outputs, such as ``per token, calibrated``."""
        calibrated = ", calibrated" if self.calibrated is Calibrated.CONTENT_FREE else ""
        return self.length.value.replace("_", " ") + calibrated


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """Log-likelihoods of labels as continuations of one prompt.

    Attributes:
        labels: The labels.
        log_likelihoods: Of every label's tokens after the prompt, in nats, float64[n].
        n_tokens: Tokens of every label, int64[n].
        content_free: The same log-likelihoods after the inputs without content, float64[k, n]; k may be 0.
        label_set: Which labels these are, such as ``all 20`` or ``sampled 4 of 20, seed 0``.
        n_cut: So many of the prompt's oldest tokens were left out.

    Example:
        >>> scores = LabelScores(
        ...     ("好", "不好"), np.log([0.2, 0.1]), np.array([1, 2]), np.log([[0.4, 0.1]]), label_set="all 2"
        ... )
        >>> whole = LabelScoring(Length.WHOLE)
        >>> scores.probabilities(whole).round(3).tolist(), scores.best(whole)
        ([0.667, 0.333], '好')
        >>> scores.best(LabelScoring(Length.PER_TOKEN))
        '不好'
        >>> scores.best(LabelScoring(Length.WHOLE, Calibrated.CONTENT_FREE))
        '不好'

    Source: contextual calibration is arXiv:2102.09690.
    """

    labels: tuple[str, ...]
    log_likelihoods: NDArray[np.float64]
    n_tokens: NDArray[np.int64]
    content_free: NDArray[np.float64]
    label_set: str
    n_cut: int = 0

    @property
    def scorings(self) -> tuple[LabelScoring, ...]:
        """All ways to score these labels."""
        ways = tuple(Calibrated) if len(self.content_free) else (Calibrated.NO,)
        return tuple(LabelScoring(length, way) for way in ways for length in Length)

    def probabilities(self, scoring: LabelScoring) -> NDArray[np.float64]:
        """Gives each label's share: ``p = softmax(score)``, calibrated ``p / mean p_free``, normalized again.

        Args:
            scoring: What a label's score is.

        Returns:
            Probabilities among these labels, float64[n].

        Raises:
            InputError: A calibrated scoring is asked for, but there are no inputs without content.
        """
        lengths = self.n_tokens if scoring.length is Length.PER_TOKEN else 1
        scores = _log_softmax(self.log_likelihoods / lengths)
        if scoring.calibrated is Calibrated.CONTENT_FREE:
            if not len(self.content_free):
                raise InputError(
                    "calibration needs inputs without content, and there are none",
                    fix="give content_free, such as '无' and 'N/A'",
                )
            free = _log_softmax(self.content_free / lengths)
            scores = _log_softmax(scores - np.logaddexp.reduce(free, axis=0))
        return np.exp(scores)

    def best(self, scoring: LabelScoring) -> str:
        """Gives the likeliest label; the first of equals.

        Args:
            scoring: What a label's score is.

        Returns:
            The label.
        """
        return self.labels[int(self.probabilities(scoring).argmax())]

    def among(self, labels: Sequence[str], *, label_set: str) -> "LabelScores":
        """Gives the scores of some of the labels; nothing is computed again.

        Args:
            labels: Labels to keep.
            label_set: What the smaller set is called.

        Returns:
            Their scores, in this object's order.

        Raises:
            InputError: One of them is none of these labels.
        """
        unknown = [label for label in labels if label not in self.labels]
        if unknown:
            raise InputError(f"'{unknown[0]}' is none of the labels", fix=f"the labels are {', '.join(self.labels)}")
        kept = [i for i, label in enumerate(self.labels) if label in set(labels)]
        return LabelScores(
            tuple(self.labels[i] for i in kept),
            self.log_likelihoods[kept],
            self.n_tokens[kept],
            self.content_free[:, kept],
            label_set,
            self.n_cut,
        )


def sample_labels(labels: Sequence[str], n: int, *, seed: int, keep: str | None = None) -> tuple[str, ...]:
    """Draws some labels, for tasks whose accuracy is measured on the right label among a few others.

    Args:
        labels: All labels.
        n: How many to draw.
        seed: Decides the draw.
        keep: A label that is among them in any case, such as the right one.

    Returns:
        The labels drawn, in their order.

    Raises:
        InputError: There are fewer labels than asked for, or the one to keep is none of them.

    Example:
        >>> sample_labels(["财经", "体育", "文化"], 3, seed=0)
        ('财经', '体育', '文化')
        >>> "体育" in sample_labels(["财经", "体育", "文化"], 1, seed=5, keep="体育")
        True
    """
    if not 0 < n <= len(labels):
        raise InputError(f"cannot draw {n} of {len(labels)} labels", fix=f"draw 1 to {len(labels)}")
    if keep is not None and keep not in labels:
        raise InputError(f"'{keep}' is none of the labels", fix=f"the labels are {', '.join(labels)}")
    others = [label for label in labels if label != keep]
    drawn = set(random.Random(seed).sample(others, n - (keep is not None)))
    return tuple(label for label in labels if label in drawn or label == keep)


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    normalized: NDArray[np.float64] = scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    return normalized
