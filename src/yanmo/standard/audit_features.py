"""What a matcher says of labelled pairs, without their labels: log-odds under standards, and the texts' vectors."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..match.engines.learned_engine import GivesVectors, heads_of, trained_engine
from ..match.engines.pair_rows import PairRows
from ..match.matcher import Matcher
from ..match.verdicts import Verdict, verdicts, with_implied

__all__ = ["PairFeatures", "alikeness", "read_features"]

_CHUNK = 256
_BUCKETS = 512  # of the vectors that stand in where the engine gives none
_EDGE = 1e-5  # a probability is taken for no surer than this


@dataclass(frozen=True, slots=True, eq=False)
class PairFeatures:
    """What is known of n pairs before their labels are.

    Attributes:
        log_odds: Of the matcher's probability under the standard that is audited, float64[n].
        beside: The same under other standards, float64[n, k].
        vectors: A vector of length 1 for each text, float32[n, 2, width].
        is_learned: Whether the vectors are the matcher's; else they count bigrams of characters.
    """

    log_odds: NDArray[np.float64]
    beside: NDArray[np.float64]
    vectors: NDArray[np.float32]
    is_learned: bool


def read_features(
    matcher: Matcher,
    texts: Sequence[tuple[str, str]],
    *,
    task: str,
    beside: Sequence[str] = (),
    on_progress: Callable[[int], None] | None = None,
) -> PairFeatures:
    """Scores pairs under a standard and some others, and takes the vectors of their texts along.

    Args:
        matcher: The matcher.
        texts: The pairs.
        task: The standard.
        beside: Others that may help to tell.
        on_progress: Told after every few hundred pairs how many more are done.

    Returns:
        The features, in the given order.

    Raises:
        InputError: A standard is unknown.
    """
    plain = trained_engine(matcher.engine)
    gives = plain if isinstance(plain, GivesVectors) and plain.has_vectors else None
    names = with_implied(matcher.matching.task_set, [task, *beside])
    odds = np.empty((len(texts), 1 + len(beside)))
    vectors: list[NDArray[np.float32]] = [np.empty((0, 2, 1), dtype=np.float32)] * len(texts)
    order = np.argsort([len(a) + len(b) for a, b in texts], kind="stable")
    for chosen in np.array_split(order, max(1, -(-len(texts) // _CHUNK))):
        part = [texts[row] for row in chosen.tolist()]
        if gives is None:
            found, made = matcher.judge_rows(matcher.rows(part, tasks=names)), _bigram_vectors(part)
        elif gives is matcher.engine:
            found, made = _in_one(matcher, gives, matcher.rows(part, tasks=names))
        else:
            # A learned standard has no vectors of its own: those of the first that it is computed from stand for them.
            head = heads_of(matcher.engine).get(task)
            found = matcher.judge_rows(matcher.rows(part, tasks=names))
            rows = matcher.rows(part, tasks=[task if head is None else head.sources[0].name])
            made = _mean_vectors(gives.logits_and_vectors(rows.rows, rows.row_tasks)[1], rows)
        for column, name in enumerate((task, *beside)):
            odds[chosen, column] = _log_odds(found[name].probabilities)
        for row, vector in zip(chosen.tolist(), made, strict=True):
            vectors[row] = vector
        if on_progress is not None:
            on_progress(len(part))
    stacked = np.stack(vectors) if vectors else np.empty((0, 2, 1), dtype=np.float32)
    length = np.linalg.norm(stacked, axis=-1, keepdims=True)
    unit = (stacked / np.maximum(length, 1e-12)).astype(np.float32)
    return PairFeatures(odds[:, 0], odds[:, 1:], unit, gives is not None)


def alikeness(features: PairFeatures, *, symmetric: bool) -> NDArray[np.float32]:
    """One vector for each pair, whose products say how alike two pairs are, from -1 to 1.

    Where the sides do not matter it is the mean of both texts' vectors beside the distance of each of their parts,
    which a swap leaves as they are: pairs about the same things that differ in the same way. Else both texts' vectors.

    Args:
        features: The pairs.
        symmetric: Whether a pair and its swap are one question.

    Returns:
        Vectors of length 1, float32[n, width].
    """
    u, v = features.vectors[:, 0], features.vectors[:, 1]
    joined = np.hstack([(u + v) / 2, np.abs(u - v)] if symmetric else [u, v])
    unit: NDArray[np.float32] = joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-12)
    return unit


def _log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    p = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    odds: NDArray[np.float64] = np.log(p) - np.log1p(-p)
    return odds


def _in_one(matcher: Matcher, engine: GivesVectors, rows: PairRows) -> tuple[dict[str, Verdict], NDArray[np.float32]]:
    """The verdicts on pairs under tasks, and their vectors under the first, from one pass."""
    logits, vectors = engine.logits_and_vectors(rows.rows, rows.row_tasks)
    if not np.isfinite(logits).all():
        return matcher.judge_rows(rows), vectors  # which says where
    names = [matcher.matching.task_set.names[index] for index in rows.task_indices]
    pooled = rows.pool(logits)
    by_task = {name: np.ascontiguousarray(pooled[:, i]) for i, name in enumerate(names)}
    found = verdicts(matcher.matching, by_task, is_blank=rows.is_blank, details=rows.details)
    return found, _mean_vectors(vectors, rows)


def _mean_vectors(vectors: NDArray[np.float32], rows: PairRows) -> NDArray[np.float32]:
    """The vectors of pairs under the first task; of a pair that is read in windows their mean."""
    if not rows.pairs:
        return vectors
    of_first = vectors[np.array(rows.row_tasks) == rows.task_indices[0]]
    sizes = np.array([len(tasks[0].windows) for tasks in rows.pairs], dtype=np.int64)
    sums = np.add.reduceat(of_first, np.cumsum(sizes) - sizes)
    mean: NDArray[np.float32] = (sums / sizes[:, None, None]).astype(np.float32)
    return mean


def _bigram_vectors(texts: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Signed counts of each text's characters and bigrams, drawn into a few buckets by a digest."""
    made = np.zeros((len(texts), 2, _BUCKETS), dtype=np.float32)
    for row, pair in enumerate(texts):
        for side, text in enumerate(pair):
            for piece in (*text, *map("".join, pairwise(text))):
                digest = hashlib.blake2b(piece.encode("utf-8", "surrogatepass"), digest_size=4).digest()
                number = int.from_bytes(digest, "big")
                made[row, side, number >> 1 & _BUCKETS - 1] += 1 if number & 1 else -1
    return made
