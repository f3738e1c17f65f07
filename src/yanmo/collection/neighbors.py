"""The nearest vectors of a collection: exactly in blocks where it is small, by a library's graph where it is large."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require_extra

__all__ = ["EXACT_BELOW", "NeighborSearch"]

EXACT_BELOW = 20_000
"""Vectors below which every one is compared: some seconds of one core, and nothing is missed."""

_QUERIES, _VECTORS = 512, 4096
_SEED = 0
# Neighbors of each vector in the graph, and candidates when it is built.
_LINKS, _BUILT_WITH = 16, 64
# How far a search goes is measured: vectors drawn by chance must find this share of their true nearest.
_SAMPLE, _NEAREST, _SHARE, _FARTHEST = 256, 10, 0.97, 1024


class NeighborSearch:
    """A collection of unit vectors, prepared once for any number of searches; the same input gives the same answers.

    Args:
        vectors: Unit vectors, float16[n, width].
        exact_below: From so many vectors on a graph of neighbors is searched (HNSW, by faiss), as far as it takes to
            find 97 % of the true ten nearest of a sample. Cells of a k-means would have to be searched by the hundred
            for that, as texts lie in no clusters; one thread builds the graph, so that it is always the same.

    Raises:
        MissingExtraError: There are many vectors, and faiss is not installed.

    Example:
        >>> vectors = np.eye(3, dtype=np.float16)
        >>> NeighborSearch(vectors)(vectors[:1], 2).tolist()
        [[0, 1]]
    """

    def __init__(self, vectors: NDArray[np.float16], *, exact_below: int = EXACT_BELOW) -> None:
        self._n = len(vectors)
        self._search = _exact(vectors) if self._n < exact_below else _by_graph(vectors)

    def __call__(
        self, queries: NDArray[np.float16], k: int, *, on_progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.int64]:
        """Finds the vectors with the largest inner products; of equal ones that with the lower number comes first.

        Args:
            queries: Unit vectors, [m, width].
            k: How many to find; of fewer vectors all.
            on_progress: Told how many queries are done, and how many there are.

        Returns:
            Numbers of vectors, best first, int64[m, min(k, n)]; -1 behind the last where the graph led to fewer.
        """
        k = min(k, self._n)
        found = np.empty((len(queries), k), dtype=np.int64)
        for start in range(0, len(queries) if k else 0, _QUERIES):
            found[start : start + _QUERIES] = self._search(queries[start : start + _QUERIES].astype(np.float32), k)
            if on_progress is not None:
                on_progress(min(start + _QUERIES, len(queries)), len(queries))
        return found


def _exact(vectors: NDArray[np.float16]) -> Callable[[NDArray[np.float32], int], NDArray[np.int64]]:
    def search(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        best = np.full((len(queries), 0), 0, dtype=np.int64)
        scores = np.empty((len(queries), 0), dtype=np.float32)
        for start in range(0, len(vectors), _VECTORS):
            more = queries @ vectors[start : start + _VECTORS].astype(np.float32).T
            if more.shape[1] > k:
                top = np.sort(np.argpartition(-more, k - 1, axis=1)[:, :k], axis=1)
                more = np.take_along_axis(more, top, 1)
            else:
                top = np.broadcast_to(np.arange(more.shape[1]), more.shape)
            scores, best = np.concatenate([scores, more], 1), np.concatenate([best, top + start], 1)
            # Stable, with numbers rising: of equal scores the lower number stays first.
            order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            scores, best = np.take_along_axis(scores, order, 1), np.take_along_axis(best, order, 1)
        return best

    return search


def _by_graph(vectors: NDArray[np.float16]) -> Callable[[NDArray[np.float32], int], NDArray[np.int64]]:
    faiss: Any = require_extra("faiss", extra="collection")
    index = faiss.IndexHNSWSQ(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _BUILT_WITH
    index.train(vectors[:1].astype(np.float32))
    n_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        for start in range(0, len(vectors), 16 * _VECTORS):
            index.add(vectors[start : start + 16 * _VECTORS].astype(np.float32))
    finally:
        faiss.omp_set_num_threads(n_threads)
    drawn = np.random.default_rng(_SEED).permutation(len(vectors))[:_SAMPLE]
    queries = vectors[np.sort(drawn)].astype(np.float32)
    # One more, as a text is its own nearest.
    true = _exact(vectors)(queries, _NEAREST + 1)
    reach = 16
    share = 0.0
    while share < _SHARE and reach < _FARTHEST:
        reach *= 2
        index.hnsw.efSearch = reach
        found = index.search(queries, _NEAREST + 1)[1]
        share = float(
            np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true.tolist(), found.tolist(), strict=True)])
        )

    def search(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        index.hnsw.efSearch = max(reach, k)
        found: NDArray[np.int64] = index.search(queries, k)[1]
        return found

    return search
