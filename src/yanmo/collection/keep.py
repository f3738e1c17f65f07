"""Which row of a group stays: the first, the longest, or the newest by a column."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .texts import TextTable

__all__ = ["keep_order"]


def keep_order(table: TextTable, keep: str) -> NDArray[np.int64]:
    """Ranks rows by who would stay.

    Args:
        table: The collection.
        keep: ``first``, ``longest`` (of equal length the first) or ``newest:COLUMN``, whose values are compared as
            numbers where all are, else as text, so that dates should be written like 2026-01-31; a row without a value
            comes last.

    Returns:
        The rank of each row, 0 for the one to keep before all others, int64[n].

    Raises:
        InputError: It is none of these, or there is no such column.

    Example:
        >>> from yanmo.collection.texts import read_texts
        >>> keep_order(read_texts(["短", "最长的", "不长"]), "longest").tolist()
        [2, 0, 1]
    """
    n = len(table.texts)
    if keep == "first":
        order = list(range(n))
    elif keep == "longest":
        order = sorted(range(n), key=lambda i: -len(table.texts[i]))
    elif keep.startswith("newest:"):
        column = keep.removeprefix("newest:")
        if column not in table.columns:
            known = ", ".join(table.columns)
            raise InputError(f"there is no column '{column}' to tell the newest by", fix=f"name one of {known}")
        values = [row.get(column, "").strip() for row in table.rows]
        # Python's reversed sort is stable: of equals the earlier row stays before.
        order = sorted(range(n), key=_sort_key(values), reverse=True)
    else:
        raise InputError(f"--keep is '{keep}'", fix="give first, longest or newest:COLUMN")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    return rank


def _sort_key(values: list[str]) -> Callable[[int], Any]:
    try:
        numbers = [float(value) if value else -np.inf for value in values]
    except ValueError:
        return lambda i: (bool(values[i]), values[i])
    return lambda i: numbers[i]
