"""Documents in the order in which they match a query, with what each was decided to be."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .verdicts import Verdict

__all__ = ["Ranked", "rank_documents"]

# Documents judged at a time: what their tokens take must not grow with their number.
_CHUNK = 1024


class Ranked(NamedTuple):
    """A document and what a standard says of it beside the query."""

    position: int
    """Its place among those given, from 0."""
    document: str
    """Its text."""
    probability: float
    """Calibrated probability of a match."""
    is_match: bool
    """Whether it matches by the standard's own threshold."""


def rank_documents(
    query: str, documents: Sequence[str], *, judge: Callable[[list[tuple[str, str]]], Verdict], top: int | None
) -> list[Ranked]:
    """Orders documents by how probably they match a query; of equal ones the first given comes first.

    Args:
        query: The text on the first side.
        documents: Those on the second.
        judge: Judges pairs by one standard.
        top: How many to give; None for all.

    Returns:
        The best, best first.

    Raises:
        InputError: A text is none, the documents are one text, or ``top`` is below 1.
    """
    if isinstance(documents, str):
        raise InputError("the documents are one text", fix="give a list of texts")
    if top is not None and top < 1:
        raise InputError(f"top is {top}", fix="give 1 or more, or None for all")
    given = list(documents)
    if not given:
        return []
    found = [
        judge([(query, document) for document in given[start : start + _CHUNK]])
        for start in range(0, len(given), _CHUNK)
    ]
    probabilities = np.concatenate([each.probabilities for each in found])
    accepted = np.concatenate([each.accepted for each in found])
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [Ranked(i, given[i], float(probabilities[i]), bool(accepted[i])) for i in order.tolist()]
