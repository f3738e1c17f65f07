"""From a few labelled pairs, as trained standards see them, to the head of a new standard.

The head is a logistic regression over what at most two trained standards compute of a pair: their logits, and how the
texts' vectors agree. With twenty examples nearly everything has to come from the prior: a pair that its sources call
near is probably a match. How strong each part of it is was chosen by leaving families of standards out, see
``benchmarks/learn_standard.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..match.engines.learned_head import LearnedHead, SourceWeights, pair_features
from .learn_fit import LogisticFit, fit_logistic
from .learn_readings import Readings

__all__ = ["LearnedFrom", "Prior", "learn_head"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the first label, in standard deviations of each feature among the pairs."""

    logit: float = 1.5
    """Weight of the sources' logits together."""
    logit_std: float = 0.5
    """Standard deviation of each of these weights."""
    distance: float = -0.3
    """Weight of the distances of the sources' vectors together."""
    distance_std: float = 0.3
    """Standard deviation of each of these weights."""
    vector_std: float = 0.02
    """Standard deviation of the weight of each component of ``|u - v|`` and ``u * v``, whose mean is zero."""
    bias_std: float = 1.5
    """Standard deviation of the bias, whose mean is zero."""
    n_sources: int = 2
    """Trained standards that a head is computed from, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedFrom:
    """A learned head, and what it would say of each example had it been left out.

    Attributes:
        head: The head.
        left_out: float64[n], to first order.
    """

    head: LearnedHead
    left_out: NDArray[np.float64]


def learn_head(
    readings: Readings,
    is_match: NDArray[np.bool_],
    *,
    unlabelled: Readings | None = None,
    sources: Sequence[str] | None = None,
    prior: Prior | None = None,
) -> LearnedFrom:
    """Learns the head of a standard.

    Args:
        readings: The labelled pairs.
        is_match: Which of them match, bool[n]; at least one of each kind.
        unlabelled: Pairs without labels, by which features are scaled as well.
        sources: Trained standards to compute it from; None has them chosen by the evidence of the labels.
        prior: What is believed before; None takes what was found best.

    Returns:
        The head and the examples' logits left out.
    """
    prior = prior or Prior()
    labels = is_match.astype(np.float64)
    chosen = tuple(sources) if sources is not None else _choose(readings, labels, prior)
    columns = [_Columns(name, readings, unlabelled) for name in chosen]
    fit = _fit(columns, labels, prior)
    return LearnedFrom(_head(columns, fit.weights), fit.left_out)


def _choose(readings: Readings, labels: NDArray[np.float64], prior: Prior) -> tuple[str, ...]:
    """The standards whose logits make the labels most probable, with the weights unknown."""
    names = readings.names
    logits = readings.logits(names).astype(np.float64)
    center, spread = logits.mean(0), logits.std(0)
    z = (logits - center) / np.where(spread > 0, spread, 1.0)
    best: tuple[float, tuple[str, ...]] = (-np.inf, ())
    for size in range(1, min(prior.n_sources, len(names)) + 1):
        for group in combinations(range(len(names)), size):
            features = np.column_stack([z[:, group], np.ones(len(z))])
            mean = np.array([prior.logit / size] * size + [0.0])
            std = np.array([prior.logit_std] * size + [prior.bias_std])
            evidence = fit_logistic(features, labels, mean=mean, std=std).evidence
            best = max(best, (evidence, tuple(names[i] for i in group)))
    return best[1]


class _Columns:
    """The features of the examples under one source, scaled by all pairs at hand."""

    def __init__(self, name: str, readings: Readings, unlabelled: Readings | None) -> None:
        self.name = name
        others = unlabelled if unlabelled is not None and len(unlabelled) else None
        self.n = len(readings)
        every = [each for each in (readings, others) if each is not None]
        parts = [[each.logits([name]).astype(np.float64)] for each in every]
        if readings.has_vectors:
            for part, each in zip(parts, every, strict=True):
                distance, differences, products = pair_features(each.vectors(name))
                part += [distance[:, None], differences, products]
        stacked = [np.concatenate(kind) for kind in zip(*parts, strict=True)]
        self.widths = [kind.shape[1] for kind in stacked]
        self.centers = [kind.mean(0) for kind in stacked]
        # One scale for all components of a kind: those that hardly differ among the pairs stay small.
        self.scales = [max(float(np.sqrt(kind.var(0).mean())), 1e-9) for kind in stacked]
        scaled = [(kind - c) / s for kind, c, s in zip(stacked, self.centers, self.scales, strict=True)]
        self.features = np.column_stack(scaled)[: self.n]


def _fit(columns: Sequence[_Columns], labels: NDArray[np.float64], prior: Prior) -> LogisticFit:
    means, stds = [], []
    for each in columns:
        mean = [prior.logit / len(columns), prior.distance / len(columns), 0.0, 0.0]
        std = [prior.logit_std, prior.distance_std, prior.vector_std, prior.vector_std]
        means += [np.full(width, value) for width, value in zip(each.widths, mean, strict=False)]
        stds += [np.full(width, value) for width, value in zip(each.widths, std, strict=False)]
    features = np.column_stack([*(each.features for each in columns), np.ones(len(labels))])
    return fit_logistic(
        features,
        labels,
        mean=np.concatenate([*means, [0.0]]),
        std=np.concatenate([*stds, [prior.bias_std]]),
    )


def _head(columns: Sequence[_Columns], weights: NDArray[np.float64]) -> LearnedHead:
    """The same function of what the sources give, unscaled."""
    bias, start, sources = float(weights[-1]), 0, []
    for each in columns:
        kinds = []
        for width, center, scale in zip(each.widths, each.centers, each.scales, strict=True):
            kind = weights[start : start + width] / scale
            bias -= float(kind @ center)
            kinds.append(kind)
            start += width
        given: dict[str, float | tuple[float, ...]] = {"logit": float(kinds[0][0])}
        if len(kinds) > 1:
            given["distance"] = float(kinds[1][0])
            given |= {"differences": tuple(kinds[2].tolist()), "products": tuple(kinds[3].tolist())}
        sources.append(SourceWeights.model_validate({"name": each.name, **given}))
    return LearnedHead(sources=tuple(sources), bias=bias)
