"""What a Python program hands in as pairs: taken for what it says, or refused with the place of what it cannot be."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..data.columns import KNOWN_PAIRS, Columns, find_columns
from ..errors import InputError

__all__ = ["GivenPairs", "given_pairs"]

GivenPairs: TypeAlias = Iterable[Sequence[str] | Mapping[str, Any]]
"""Pairs of texts: tuples or lists of two, or dicts whose columns are known; a generator will do."""

_FIX = "give a list of pairs of texts, such as [('甲', '乙')]"
_KINDS = {bool: "True or False", int: "a number", float: "a number", bytes: "bytes", type(None): "None"}


def given_pairs(pairs: Any, *, first: str | None = None, second: str | None = None) -> list[tuple[str, str]]:
    """Reads pairs as people write them.

    A pair is a tuple or list of two texts (or an array of two), or a dict with the columns ``first`` and ``second`` or
    one pair of the customary names. Two texts on their own, ``("甲", "乙")``, are one pair. A data frame is read by its
    columns' names.

    Args:
        pairs: What was handed in.
        first: Column of the first text where dicts or a data frame are given; None looks among the customary ones.
        second: Column of the second text.

    Returns:
        The pairs.

    Raises:
        InputError: Something is no pair of texts; the message names its position, from 0, and what it is.

    Example:
        >>> given_pairs([{"text1": "甲", "text2": "乙"}, ["丙", "丁"]])
        [('甲', '乙'), ('丙', '丁')]
        >>> given_pairs(("下雨", "雨天"))
        [('下雨', '雨天')]
    """
    if isinstance(pairs, str | bytes | set | frozenset) or pairs is None:  # a set has no order to give scores in
        raise InputError(f"the pairs are {_kind(pairs)}", fix=_FIX)
    expected = Columns(first, second)
    if isinstance(pairs, Mapping):
        return [_of_dict(pairs, 0, expected)]
    if hasattr(pairs, "columns"):  # of pandas, polars or arrow; iterated over, a frame gives its columns
        return _of_frame(pairs, expected)
    try:
        given = list(pairs)
    except TypeError as error:
        raise InputError(f"the pairs are {_kind(pairs)}", fix=_FIX) from error
    if len(given) == 2 and isinstance(pairs, tuple | list) and all(isinstance(text, str) for text in given):
        return [_texts(given[0], given[1], 0)]
    return [_pair(one, position, expected) for position, one in enumerate(given)]


def _pair(one: Any, position: int, expected: Columns) -> tuple[str, str]:
    if isinstance(one, Mapping):
        return _of_dict(one, position, expected)
    if isinstance(one, str | bytes) or not isinstance(one, Iterable) or isinstance(one, set | frozenset):
        raise InputError(f"pair {position} is {_kind(one)}, not two texts", fix=_FIX)
    texts = list(one)
    if len(texts) != 2:
        raise InputError(f"pair {position} has {len(texts)} elements, not two texts", fix=_FIX)
    return _texts(texts[0], texts[1], position)


def _texts(text0: Any, text1: Any, position: int) -> tuple[str, str]:
    for place, text in (("first", text0), ("second", text1)):
        if not isinstance(text, str):
            raise InputError(f"pair {position}: the {place} text is {_kind(text)}, not text", fix=_FIX)
    return text0, text1


def _of_dict(row: Mapping[Any, Any], position: int, expected: Columns) -> tuple[str, str]:
    try:
        columns = _columns(row, expected)
    except InputError as error:
        raise InputError(f"pair {position}: {error.problem}", fix=_names_fix()) from error
    return _texts(row[columns[0]], row[columns[1]], position)


def _of_frame(frame: Any, expected: Columns) -> list[tuple[str, str]]:
    names = getattr(frame, "column_names", None) or list(frame.columns)
    try:
        columns = _columns(names, expected)
    except InputError as error:
        raise InputError(f"the data frame: {error.problem}", fix=_names_fix()) from error
    texts = [getattr(frame[name], "to_pylist", frame[name].__iter__)() for name in columns]
    return [_texts(text0, text1, position) for position, (text0, text1) in enumerate(zip(*texts, strict=True))]


def _columns(names: Iterable[Any], expected: Columns) -> tuple[str, str]:
    found = find_columns([name for name in names if isinstance(name, str)], named=Columns(), expected=expected)
    return str(found.first), str(found.second)


def _names_fix() -> str:
    return f"call the two texts {' or '.join('/'.join(pair) for pair in KNOWN_PAIRS[:2])}, or give tuples"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "one text"
    return _KINDS.get(type(value), f"a {type(value).__name__}")
