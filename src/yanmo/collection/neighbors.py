"""The nearest vectors of a collection: exactly in blocks where it is small, by a library where it is large."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require_extra

__all__ = ["EXACT_BELOW", "nearest"]

EXACT_BELOW = 20_000
"""Vectors below which every one is compared: some seconds of one core, and nothing is missed."""

_QUERIES, _VECTORS = 512, 4096
_SEED = 0


def nearest(
    queries: NDArray[np.float16],
    vectors: NDArray[np.float16],
    k: int,
    *,
    exact_below: int = EXACT_BELOW,
    on_progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Finds the vectors with the largest inner products; of equal ones that with the lower number comes first.

    Args:
        queries: Unit vectors, [n, width].
        vectors: Unit vectors to search, [m, width].
        k: How many to find; of fewer vectors all.
        exact_below: From so many vectors on cells of a k-means are searched, by faiss; the same on every run.
        on_progress: Told how many queries are done, and how many there are.

    Returns:
        Numbers of vectors, best first, int64[n, min(k, m)]; -1 behind the last where a search of cells found fewer.

    Raises:
        MissingExtraError: There are many vectors, and faiss is not installed.

    Example:
        >>> vectors = np.eye(3, dtype=np.float16)
        >>> nearest(vectors[:1], vectors, 2).tolist()
        [[0, 1]]
    """
    k = min(k, len(vectors))
    if k == 0 or not len(queries):
        return np.empty((len(queries), k), dtype=np.int64)
    search = _exact(vectors) if len(vectors) < exact_below else _by_cells(vectors)
    found = np.empty((len(queries), k), dtype=np.int64)
    for start in range(0, len(queries), _QUERIES):
        found[start : start + _QUERIES] = search(queries[start : start + _QUERIES].astype(np.float32), k)
        if on_progress is not None:
            on_progress(min(start + _QUERIES, len(queries)), len(queries))
    return found


def _exact(vectors: NDArray[np.float16]) -> Callable[[NDArray[np.float32], int], NDArray[np.int64]]:
    wide = vectors.astype(np.float32)

    def search(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        best = np.full((len(queries), 0), 0, dtype=np.int64)
        scores = np.empty((len(queries), 0), dtype=np.float32)
        for start in range(0, len(wide), _VECTORS):
            more = queries @ wide[start : start + _VECTORS].T
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
    width, n_cells = vectors.shape[1], int(np.sqrt(len(vectors)))
    cells = faiss.IndexFlatIP(width)
    index = faiss.IndexIVFScalarQuantizer(
        cells, width, n_cells, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    sample = np.sort(np.random.default_rng(_SEED).permutation(len(vectors))[: 64 * n_cells])
    index.train(vectors[sample].astype(np.float32))
    for start in range(0, len(vectors), 16 * _VECTORS):
        index.add(vectors[start : start + 16 * _VECTORS].astype(np.float32))
    index.nprobe = max(8, n_cells // 10)

    def search(queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = index.search(queries, k)[1]
        return found

    return search
