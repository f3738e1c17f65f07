"""What people call a match: labels in their words, as two kinds or as grades; a refusal says what is missing."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.labels import label_key
from ..errors import InputError

__all__ = ["Kinds", "graded_kinds", "two_kinds", "without_repeats"]

_PAIRS_OF_WORDS = (
    ("1", "0"),
    ("是", "否"),
    ("是", "不是"),
    ("对", "错"),
    ("对", "不对"),
    ("同", "不同"),
    ("相同", "不同"),
    ("相同", "不相同"),
    ("一致", "不一致"),
    ("匹配", "不匹配"),
    ("相关", "不相关"),
    ("相关", "无关"),
    ("相似", "不相似"),
    ("重复", "不重复"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("same", "different"),
    ("same", "not same"),
    ("match", "no match"),
    ("match", "nomatch"),
    ("match", "mismatch"),
    ("similar", "dissimilar"),
    ("similar", "different"),
    ("duplicate", "distinct"),
    ("duplicate", "not duplicate"),
    ("equal", "unequal"),
    ("positive", "negative"),
    ("pos", "neg"),
    ("√", "×"),
    ("✓", "✗"),
)
_YES = {yes for yes, _ in _PAIRS_OF_WORDS}
_NO = {no for _, no in _PAIRS_OF_WORDS}
_LEAST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Labels as matches and no matches.

    Attributes:
        is_match: Of each example, bool[n].
        match_words: The labels that mean a match, as they were spelled.
        other_words: Those that do not.
    """

    is_match: NDArray[np.bool_]
    match_words: tuple[str, ...]
    other_words: tuple[str, ...]


def two_kinds(labels: Sequence[object], *, match: Sequence[str] | None = None) -> Kinds:
    """Reads labels of two kinds: 1 and 0, True and False, 是 and 否, same and different, and their like.

    Args:
        labels: The labels as they were given.
        match: Labels that mean a match, where it is not plain from the words; all others then mean none.

    Returns:
        The kinds; at least two examples of each.

    Raises:
        InputError: Labels are missing, are of more than two words or of words whose meaning is open, or there are
            fewer than two examples of a kind.

    Example:
        >>> two_kinds(["是", "否", "否", "是"]).is_match.tolist()
        [True, False, False, True]
        >>> two_kinds([3, 0, 2, 1], match=["2", "3"]).match_words
        ('3', '2')
    """
    keys = _keys(labels)
    words = tuple(dict.fromkeys(keys))
    if match is not None:
        wanted = {_folded(word) for word in _keys(match)}
        yes = tuple(word for word in words if _folded(word) in wanted)
        unknown = sorted(wanted - {_folded(word) for word in words})
        if unknown:
            raise InputError(
                f"no example is labelled {', '.join(unknown)} (labels: {_shown(words)})",
                fix="name labels that are there",
            )
    else:
        yes = _matches_among(words)
    no = tuple(word for word in words if word not in yes)
    is_match = np.array([key in yes for key in keys], dtype=np.bool_)
    _check_counts(is_match)
    return Kinds(is_match, yes, no)


def graded_kinds(labels: Sequence[object]) -> dict[float, NDArray[np.bool_]]:
    """Reads graded labels, such as 0 to 3: for each grade above the lowest, which examples reach it.

    Args:
        labels: Numbers, or texts of numbers.

    Returns:
        By grade, rising: bool[n].

    Raises:
        InputError: Something is no number, there are fewer than three grades, or a grade divides off fewer than two
            examples.

    Example:
        >>> graded = graded_kinds([0, 0, 1, 2, 2, 1])
        >>> {grade: is_match.tolist() for grade, is_match in graded.items()}
        {1.0: [False, False, True, True, True, True], 2.0: [False, False, False, True, True, False]}
    """
    numbers = []
    for position, key in enumerate(_keys(labels)):
        try:
            numbers.append(float(key))
        except ValueError:
            fix = "give numbers, higher for a closer match, or leave out --graded"
            raise InputError(f"label '{key}' of example {position + 1} is no grade", fix=fix) from None
    grades = np.array(numbers)
    levels = sorted(set(numbers))
    if len(levels) <= 2:
        fix = "leave out --graded: two kinds make one standard"
        raise InputError(
            f"the labels have {len(levels)} grades ({', '.join(f'{level:g}' for level in levels)})", fix=fix
        )
    if len(levels) > 10:
        raise InputError(f"the labels have {len(levels)} grades", fix="round them to at most ten")
    found = {level: grades >= level for level in levels[1:]}
    for level, reaches in found.items():
        if min(reaches.sum(), (~reaches).sum()) < _LEAST:
            raise InputError(
                f"{int(reaches.sum())} examples have the grade {level:g} or a higher one and {int((~reaches).sum())} a "
                "lower one, and two on each side are the least to learn from",
                fix="label more pairs, or join rare grades",
            )
    return found


def without_repeats(
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[Hashable],
    *,
    lines: Sequence[int] | None = None,
    symmetric: bool = True,
) -> list[int]:
    """Finds the examples to learn from: each pair once.

    Args:
        pairs: The texts.
        labels: What each is labelled.
        lines: Line of each in its file; None where they were given in Python, and are counted from 1.
        symmetric: Whether a pair swapped is the same pair.

    Returns:
        Positions of the first of each pair.

    Raises:
        InputError: A pair is labelled in two ways.

    Example:
        >>> without_repeats([("甲", "乙"), ("乙", "甲"), ("甲", "丙")], [1, 1, 0])
        [0, 2]
    """
    seen: dict[tuple[str, ...], int] = {}
    for position, (a, b) in enumerate(pairs):
        key = tuple(sorted((a.strip(), b.strip()))) if symmetric else (a.strip(), b.strip())
        first = seen.setdefault(key, position)
        if labels[first] != labels[position]:
            names = ("line", lines) if lines is not None else ("example", range(1, len(pairs) + 1))
            place = f"{names[0]}s {names[1][first]} and {names[1][position]}"
            raise InputError(
                f"{place} are one pair with two labels, {labels[first]} and {labels[position]}: "
                f"{_short(a)} / {_short(b)}",
                fix="keep the right one",
            )
    return list(seen.values())


def _keys(labels: Sequence[object]) -> list[str]:
    found = []
    for position, label in enumerate(labels):
        key = label_key(label)
        if key is None:
            raise InputError(f"example {position + 1} has no label", fix="label it or leave it out")
        found.append(key)
    return found


def _matches_among(words: Sequence[str]) -> tuple[str, ...]:
    """Says which of the words mean a match, by what they say against each other."""
    folded = {word: _folded(word) for word in words}
    if all(each in _YES | _NO for each in folded.values()):
        return tuple(word for word, each in folded.items() if each in _YES)
    if all(_is_number(word) for word in words):
        problem = f"the labels are the numbers {_shown(sorted(words, key=float))}, and it is open which mean a match"
        fix = "say --match with those that do (match= in Python), or --graded for a standard from each grade on"
        raise InputError(problem, fix=fix)
    raise InputError(
        f"it is open which of the labels {_shown(words)} mean a match",
        fix="use 1 and 0, or 是 and 否, or say --match with those that do (match= in Python)",
    )


def _check_counts(is_match: NDArray[np.bool_]) -> None:
    n, yes = len(is_match), int(is_match.sum())
    if n < 2 * _LEAST or min(yes, n - yes) < _LEAST:
        what = f"{n} examples" if n != 1 else "1 example"
        raise InputError(
            f"there are {what}, {yes} of them matches and {n - yes} not; two of each kind are the least to learn from",
            fix="label a few more, of the kind that is missing first" if n else "label some pairs",
        )


def _folded(word: str) -> str:
    return word.strip().casefold()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _shown(words: Sequence[str]) -> str:
    more = f" and {len(words) - 8} more" if len(words) > 8 else ""
    return ", ".join(_short(word) for word in words[:8]) + more


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
