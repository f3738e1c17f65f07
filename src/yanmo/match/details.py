"""Which pairs differ in a detail that a standard declares; looked for only where a standard asks."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data.edits.difference_kinds import DifferenceKind
from ..errors import chosen
from ..tokenize import TextNormalization
from ..tokenize.reading.prepared import prepared_text

if TYPE_CHECKING:
    from ..data.edits import Difference

__all__ = ["IsApart", "PairDetails"]

IsApart: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Tells of some pairs, given by their numbers, whether a detail keeps them apart."""


class PairDetails:
    """The details in which pairs differ, found once for each pair that somebody asks about.

    Args:
        texts_of: Gives the two texts of a pair by its number.
        normalization: The steps by which the matcher reads texts.

    Example:
        >>> pairs = [("气温升至35度", "气温升至25度"), ("怎么退款", "如何退款")]
        >>> details = PairDetails(pairs.__getitem__, TextNormalization())
        >>> details.apart_by([DifferenceKind.NUMBER])(np.arange(2)).tolist()
        [True, False]
    """

    def __init__(self, texts_of: Callable[[int], tuple[str, str]], normalization: TextNormalization) -> None:
        self._texts_of, self._normalization = texts_of, normalization
        self._found: dict[int, list["Difference"]] = {}

    def apart_by(self, kinds: Collection[DifferenceKind]) -> IsApart | None:
        """Gives what tells pairs apart by some kinds of details; None for no kind."""
        wanted = frozenset(chosen(DifferenceKind, kind, name="kinds") for kind in kinds)
        return partial(self._are_apart, wanted) if wanted else None

    def said(self, row: int, kinds: Collection[DifferenceKind]) -> list[str]:
        """Says in which details of some kinds a pair differs, a phrase for each such as ``数字 35度→25度``."""
        from ..data.edits import said_differences

        wanted = {chosen(DifferenceKind, kind, name="kinds") for kind in kinds}
        return said_differences(each for each in self.found(row) if each.kind in wanted)

    def _are_apart(self, kinds: frozenset[DifferenceKind], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        apart = (any(each.kind in kinds for each in self.found(row)) for row in rows.tolist())
        return np.fromiter(apart, dtype=np.bool_, count=len(rows))

    def found(self, row: int) -> list["Difference"]:
        """Gives the details in which a pair differs."""
        if row not in self._found:
            from ..data.edits import find_details  # tables of words, which most pairs do without

            text0, text1 = (prepared_text(text, self._normalization).text for text in self._texts_of(row))
            self._found[row] = find_details(text0, text1)
        return self._found[row]
