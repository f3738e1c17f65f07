"""The features that a new standard is learned on, scaled by the pairs at hand, and back from weights to a head."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..match.engines.learned_head import LearnedHead, SourceWeights, leaning_of, pair_features
from .learn_readings import Readings

__all__ = ["HeadFeatures", "Prior"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before the first label: weights of features that are scaled to unit spread among the pairs."""

    leaning: float = 1.5
    """Weight of the sources' leanings together."""
    leaning_std: float = 0.5
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


class HeadFeatures:
    """Leaning, distance, ``|u - v|`` and ``u * v`` of pairs under each source, and a one for the bias.

    Args:
        sources: The trained standards.
        given: Pairs by which features are scaled; all of them count alike.
        prior: What is believed of the weights.
    """

    def __init__(self, sources: Sequence[str], given: Sequence[Readings], *, prior: Prior) -> None:
        self.sources = tuple(sources)
        self._scales: list[list[tuple[NDArray[np.float64], float]]] = []
        means, stds = [], []
        for name in self.sources:
            kinds = [np.concatenate(parts) for parts in zip(*(_kinds(each, name) for each in given), strict=True)]
            # One scale for all components of a kind: those that hardly differ among the pairs stay small.
            scales = [(kind.mean(0), max(float(np.sqrt(kind.var(0).mean())), 1e-9)) for kind in kinds]
            self._scales.append(scales)
            mean = (prior.leaning / len(self.sources), prior.distance / len(self.sources), 0.0, 0.0)
            std = (prior.leaning_std, prior.distance_std, prior.vector_std, prior.vector_std)
            for kind, center, spread in zip(kinds, mean, std, strict=False):
                means.append(np.full(kind.shape[1], center))
                stds.append(np.full(kind.shape[1], spread))
        self.mean: NDArray[np.float64] = np.concatenate([*means, [0.0]])
        """Mean of the prior of each weight, the bias last."""
        self.std: NDArray[np.float64] = np.concatenate([*stds, [prior.bias_std]])
        """Its standard deviation."""

    def of(self, readings: Readings) -> NDArray[np.float64]:
        """Gives the scaled features of pairs.

        Args:
            readings: The pairs.

        Returns:
            float64[n, features], the last column one.
        """
        columns = []
        for name, scales in zip(self.sources, self._scales, strict=True):
            kinds = _kinds(readings, name)
            columns += [(kind - center) / spread for kind, (center, spread) in zip(kinds, scales, strict=True)]
        return np.column_stack([*columns, np.ones(len(readings))])

    def head(self, weights: NDArray[np.float64]) -> LearnedHead:
        """Gives the same function of what the sources give, unscaled.

        Args:
            weights: Weight of each feature, float64[features].

        Returns:
            The head.
        """
        bias, start, sources = float(weights[-1]), 0, []
        for name, scales in zip(self.sources, self._scales, strict=True):
            kinds = []
            for center, spread in scales:
                kind = weights[start : start + len(center)] / spread
                bias -= float(kind @ center)
                kinds.append(kind)
                start += len(center)
            given: dict[str, float | tuple[float, ...]] = {"leaning": float(kinds[0][0])}
            if len(kinds) > 1:
                given["distance"] = float(kinds[1][0])
                given |= {"differences": _short(kinds[2]), "products": _short(kinds[3])}
            sources.append(SourceWeights.model_validate({"name": name, **given}))
        return LearnedHead(sources=tuple(sources), bias=bias)


def _kinds(readings: Readings, name: str) -> list[NDArray[np.float64]]:
    """The kinds of features under one source, float64[n, size of the kind] each; the leaning alone without vectors."""
    leaning = leaning_of(readings.logits([name]))
    if not readings.has_vectors:
        return [leaning]
    distance, differences, products = pair_features(readings.vectors(name))
    return [leaning, distance[:, None], differences, products]


def _short(weights: NDArray[np.float64]) -> tuple[float, ...]:
    # Six digits are more than a few dozen examples can say, and keep the file small.
    return tuple(float(f"{weight:.6g}") for weight in weights)
