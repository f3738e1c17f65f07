"""Labelled pairs as one standard decides them: by its probability, and only where looser standards leave it open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data import Columns, Pair, fingerprint_pairs, read_pairs
from ..errors import InputError
from ..match import Matcher
from ..match.verdicts import open_scores, with_implied

__all__ = ["Labelled", "ScoredPairs", "labelled_pairs", "score_pairs", "unlabelled_pairs"]

Labelled: TypeAlias = Any
"""A file of pairs, a data frame, a list of dicts, or of triples ``(text, text, label)``, or pairs of ``yanmo.data``."""

OnProgress = Callable[[int], None]
"""Told how many pairs have been scored since it was last told."""

_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPairs:
    """Pairs under one standard, and their labels.

    The standard accepts a pair where its score reaches the threshold, whatever the threshold in [0, 1]: the promise and
    the decision speak of the same thing.
    """

    labels: NDArray[np.bool_]
    """True is a match, shape [n]; all False where there are no labels."""
    scores: NDArray[np.float32]
    """Calibrated probability, shape [n]; -1 where no threshold accepts: a looser standard says no, or nothing is
    readable."""
    logits: NDArray[np.float32]
    """Raw logits of the standard itself, shape [n]."""
    fingerprint: str = ""
    """Of the pairs and labels; see ``yanmo.data.fingerprint_pairs``."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_matches(self) -> int:
        """Number of matches among the labels."""
        return int(np.count_nonzero(self.labels))


def labelled_pairs(matcher: Matcher, data: Labelled, *, task: str, columns: Columns | None = None) -> list[Pair]:
    """Reads labelled pairs of a standard.

    Args:
        matcher: Its task set says which labels are matches.
        data: A file, or the pairs.
        task: Name of the standard.
        columns: Columns of the file by name, where they are neither the standard's nor customary.

    Returns:
        The pairs; their labels are 0 or 1.

    Raises:
        InputError: The file cannot be read, or something is no labelled pair; the message names the place.
    """
    task_set = matcher.matching.task_set
    rule = task_set.task(task)
    rows = _given_rows(data)
    if rows is None:
        return list(read_pairs(data, task=rule, task_set=task_set, columns=columns))
    made = []
    for position, one in enumerate(rows):
        if isinstance(one, Pair):
            made.append(one)
            continue
        row = list(one) if not isinstance(one, str) else []
        if len(row) != 3 or not all(isinstance(text, str) for text in row[:2]):
            raise InputError(f"row {position} is no (text, text, label)", fix="give such triples, or a file")
        label = rule.label_of(row[2])
        if label is None:
            raise InputError(f"row {position}: label {row[2]!r} is not among those of '{task}': {rule.known_labels}")
        made.append(Pair(str(row[0]), str(row[1]), label, None, position, "the given pairs"))
    if not made:
        raise InputError("there is no labelled pair", fix="give some")
    return made


def unlabelled_pairs(matcher: Matcher, data: Labelled, *, columns: Columns | None = None) -> list[Pair]:
    """Reads pairs whose labels, if there are any, are not looked at; arguments as in ``labelled_pairs``."""
    rows = _given_rows(data)
    if rows is None:
        return list(read_pairs(data, task_set=matcher.matching.task_set, labelled=False, columns=columns))
    made = [
        one if isinstance(one, Pair) else Pair(str(one[0]), str(one[1]), None, None, position, "the given pairs")
        for position, one in enumerate(rows)
    ]
    if not made:
        raise InputError("there is no pair", fix="give some")
    return made


def _given_rows(data: Labelled) -> list[Any] | None:
    """The rows of a list of triples or pairs; None for what ``read_pairs`` reads by the names of its columns."""
    if not isinstance(data, list | tuple) or any(isinstance(one, Mapping) for one in data[:1]):
        return None
    return list(data)


def score_pairs(
    matcher: Matcher, pairs: Sequence[Pair], *, task: str, on_progress: OnProgress | None = None
) -> ScoredPairs:
    """Scores pairs as one standard decides them.

    Args:
        matcher: The matcher.
        pairs: The pairs, with labels or without.
        task: Name of the standard.
        on_progress: Told after every few hundred pairs how many more are scored.

    Returns:
        The scores, in the order of the pairs.

    Raises:
        InputError: The matcher does not know the standard.
    """
    names = with_implied(matcher.matching.task_set, [task])
    order = np.argsort([len(pair.text0) + len(pair.text1) for pair in pairs], kind="stable")
    scores, logits = np.empty(len(pairs), dtype=np.float32), np.empty(len(pairs), dtype=np.float32)
    for chunk in np.array_split(order, max(1, -(-len(pairs) // _CHUNK))):
        rows = matcher.rows([(pairs[i].text0, pairs[i].text1) for i in chunk.tolist()], tasks=names)
        found = matcher.logits_of(rows)
        scores[chunk] = open_scores(matcher.matching, found, task=task, is_blank=rows.is_blank, details=rows.details)
        logits[chunk] = found[task]
        if on_progress is not None:
            on_progress(len(chunk))
    labels = np.array([bool(pair.label) for pair in pairs])
    return ScoredPairs(labels, scores, logits, fingerprint_pairs({task: pairs}))
