"""The nearest vectors of a collection: exactly in blocks where it is small, by a library's cells where it is large."""

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
# Cells are made of a share of the vectors, in proportion to sqrt(n), so that a query costs as much in finding its cells
# as in looking into them.
_CELLS_PER_ROOT, _TRAINED_ON = 4, 40
# How many cells are looked into is measured: so many vectors drawn by chance must find this share of their nearest.
_SAMPLE, _NEAREST, _SHARE = 256, 10, 0.99


class NeighborSearch:
    """A collection of unit vectors, prepared once for any number of searches; the same input gives the same answers.

    Args:
        vectors: Unit vectors, float16[n, width].
        exact_below: From so many vectors on the cells of a k-means are searched, by faiss: as many of them as it takes
            for 99 % of the true ten nearest of a sample.

    Raises:
        MissingExtraError: There are many vectors, and faiss is not installed.

    Example:
        >>> vectors = np.eye(3, dtype=np.float16)
        >>> NeighborSearch(vectors)(vectors[:1], 2).tolist()
        [[0, 1]]
    """

    def __init__(self, vectors: NDArray[np.float16], *, exact_below: int = EXACT_BELOW) -> None:
        self._n = len(vectors)
        self._search = _exact(vectors) if self._n < exact_below else _by_cells(vectors)

    def __call__(
        self, queries: NDArray[np.float16], k: int, *, on_progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.int64]:
        """Finds the vectors with the largest inner products; of equal ones that with the lower number comes first.

        Args:
            queries: Unit vectors, [m, width].
            k: How many to find; of fewer vectors all.
            on_progress: Told how many queries are done, and how many there are.

        Returns:
            Numbers of vectors, best first, int64[m, min(k, n)]; -1 behind the last where cells held fewer.
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


def _by_cells(vectors: NDArray[np.float16]) -> Callable[[NDArray[np.float32], int], NDArray[np.int64]]:
    faiss: Any = require_extra("faiss", extra="collection")
    width, n_cells = vectors.shape[1], min(len(vectors) // _TRAINED_ON, int(_CELLS_PER_ROOT * np.sqrt(len(vectors))))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(width), width, n_cells, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    drawn = np.random.default_rng(_SEED).permutation(len(vectors))
    index.train(vectors[np.sort(drawn[: _TRAINED_ON * n_cells])].astype(np.float32))
    for start in range(0, len(vectors), 16 * _VECTORS):
        index.add(vectors[start : start + 16 * _VECTORS].astype(np.float32))
    queries = vectors[np.sort(drawn[:_SAMPLE])].astype(np.float32)
    # One more, as a text is its own nearest.
    true = _exact(vectors)(queries, _NEAREST + 1)
    for n_probed in (2**i for i in range(2, 64)):
        index.nprobe = min(n_probed, n_cells)
        found = index.search(queries, _NEAREST + 1)[1]
        share = np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true.tolist(), found.tolist(), strict=True)])
        if share >= _SHARE or n_probed >= n_cells:
            break

    def search(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = index.search(queries, k)[1]
        return found

    return search
