"""Groups encoded pairs of similar length into batches and pads them to arrays; needs no torch."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from . import EncodedPair

__all__ = ["pad_pairs", "sorted_batches"]


def sorted_batches(lengths: Sequence[int], *, max_tokens: int) -> Iterator[list[int]]:
    """Groups rows of like length into batches of a token budget.

    Args:
        lengths: Tokens of every row.
        max_tokens: Largest number of rows times longest row; a longer single row gets its own batch.

    Yields:
        Row numbers of each batch, shortest rows first; every row once.

    Example:
        >>> list(sorted_batches([9, 3, 4, 3], max_tokens=9))
        [[1, 3], [2], [0]]
    """
    rows: list[int] = []
    for i in np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if rows and (len(rows) + 1) * lengths[i] > max_tokens:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


def pad_pairs(pairs: Sequence[EncodedPair], *, pad_id: int) -> dict[str, NDArray[np.int64] | NDArray[np.bool_]]:
    """Pads encoded pairs to the arrays of one batch.

    Args:
        pairs: At least one pair.
        pad_id: Token id of padding.

    Returns:
        ``token_ids``, ``type_ids``, ``position_ids`` and ``side``, int64[batch, longest pair], and ``mask``, bool of
        the same shape, True where there is a token.
    """
    shape = (len(pairs), max(len(pair) for pair in pairs))
    ids = np.full(shape, pad_id, dtype=np.int64)
    types, positions, side = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    mask = np.zeros(shape, dtype=np.bool_)
    for row, pair in enumerate(pairs):
        n = len(pair)
        ids[row, :n], types[row, :n] = pair.token_ids, pair.type_ids
        positions[row, :n], side[row, :n], mask[row, :n] = pair.position_ids, pair.side, True
    return {"token_ids": ids, "type_ids": types, "position_ids": positions, "side": side, "mask": mask}
