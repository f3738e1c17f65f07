"""From a few labelled pairs, as trained standards see them, to the head of a new standard.

The head is a logistic regression over what at most two trained standards compute of a pair: which way they lean, and
how the texts' vectors agree. With twenty examples nearly everything has to come from the prior: a pair that its sources
call near is probably a match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..match.engines.learned_head import LearnedHead, leaning_of
from .learn_fit import fit_logistic
from .learn_readings import Readings
from .learn_scaling import HeadFeatures, Prior

__all__ = ["LearnedFrom", "choose_sources", "learn_head"]

# All trained standards are asked about so many pairs, which is what learning from many would cost most.
_CHOOSE_FROM = 256


@dataclass(frozen=True, slots=True, eq=False)
class LearnedFrom:
    """A learned head, and what it would say of each example had it been left out.

    Attributes:
        head: The head.
        left_out: float64[n], to first order.
        unlabelled: Logits of the pairs without labels, float64[m].
    """

    head: LearnedHead
    left_out: NDArray[np.float64]
    unlabelled: NDArray[np.float64]


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
        sources: Trained standards to compute it from; None has them chosen by the labels.
        prior: What is believed before; None takes what was found best.

    Returns:
        The head and the examples' logits left out.
    """
    prior = prior or Prior()
    chosen = tuple(sources) if sources is not None else choose_sources(readings, is_match, prior=prior)
    given = [each for each in (readings, unlabelled) if each is not None and len(each)]
    features = HeadFeatures(chosen, given, prior=prior)
    labels = is_match.astype(np.float64)
    fit = fit_logistic(features.of(readings), labels, mean=features.mean, std=features.std)
    elsewhere = np.empty(0) if unlabelled is None or not len(unlabelled) else features.of(unlabelled) @ fit.weights
    return LearnedFrom(features.head(fit.weights), fit.left_out, elsewhere)


def choose_sources(readings: Readings, is_match: NDArray[np.bool_], *, prior: Prior | None = None) -> tuple[str, ...]:
    """Chooses the trained standards whose leanings make the labels most probable, their weights being unknown.

    Every standard is asked, so of many pairs some hundred are drawn for it, of the rarer kind as many as there are up
    to a half.

    Args:
        readings: The labelled pairs.
        is_match: Which of them match, bool[n].
        prior: What is believed before; None takes what was found best.

    Returns:
        One standard or two.
    """
    prior, names = prior or Prior(), readings.names
    if len(readings) > _CHOOSE_FROM:
        few = _some_of_both(is_match, _CHOOSE_FROM)
        readings, is_match = readings.only(few), is_match[few]
    leanings = leaning_of(readings.logits(names))
    spread = leanings.std(0)
    z = (leanings - leanings.mean(0)) / np.where(spread > 0, spread, 1.0)
    best: tuple[float, tuple[str, ...]] = (-np.inf, ())
    for size in range(1, min(prior.n_sources, len(names)) + 1):
        mean = np.array([prior.leaning / size] * size + [0.0])
        std = np.array([prior.leaning_std] * size + [prior.bias_std])
        for group in combinations(range(len(names)), size):
            features = np.column_stack([z[:, group], np.ones(len(z))])
            evidence = fit_logistic(features, is_match.astype(np.float64), mean=mean, std=std).evidence
            best = max(best, (evidence, tuple(names[i] for i in group)))
    return best[1]


def _some_of_both(is_match: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Draws ``n`` examples, half of the rarer kind if there are as many; always the same ones."""
    order = np.random.default_rng(0).permutation(len(is_match))
    kinds = [order[is_match[order] == kind] for kind in (True, False)]
    rarer, other = sorted(kinds, key=len)
    taken = rarer[: n // 2]
    return np.sort(np.concatenate([taken, other[: n - len(taken)]]))
