"""Scores labelled pairs with a matcher, which gives the ``TaskScores`` that evaluation starts from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..data.pair import Pair
from ..errors import InputError
from ..match.decisions import MatchingFile
from ..match.details import PairDetails
from ..match.matcher import Matcher
from ..match.verdicts import with_implied
from .scores import TaskScores

__all__ = ["logits_by_text", "score_split", "score_texts", "with_details", "with_looser"]

_CHUNK = 256

OnProgress = Callable[[int], None]
"""Told how many pairs have been scored since it was last told."""


def score_split(
    matcher: Matcher, split: Mapping[str, Sequence[Pair]], *, on_progress: OnProgress | None = None
) -> list[TaskScores]:
    """Scores the labelled pairs of every task.

    Args:
        matcher: The matcher.
        split: The pairs of each task, by its name.
        on_progress: Told after every few hundred pairs how many more are scored.

    Returns:
        Labels and logits of each task, in the order of ``split``; beside those of a strict task the logits of the
        looser ones that it implies. A pair that several tasks ask about is scored once.

    Raises:
        InputError: A pair has no label, the matcher does not know a task, or a logit is not finite.
    """
    task_set = matcher.matching.task_set
    wanted: dict[tuple[str, str], dict[str, int]] = {}
    for name, pairs in split.items():
        if any(pair.label is None for pair in pairs):
            raise InputError(f"task '{name}' has pairs without a label", fix="read the split with labels")
        for pair in pairs:
            asked = wanted.setdefault((pair.text0, pair.text1), {})
            asked[name] = asked.get(name, 0) + 1
    logits = _logits_under(matcher, wanted, on_progress=on_progress)
    made = []
    for name, pairs in split.items():
        task, labels = task_set.task(name), np.array([pair.label for pair in pairs])
        found = {
            each: np.array([logits[each][pair.text0, pair.text1] for pair in pairs], dtype=np.float32)
            for each in with_implied(task_set, [name])
        }
        own = found.pop(name)
        scores = TaskScores(name, task.standard, labels, own, base_rate=task.base_rate, pairs=pairs, looser=found)
        made.append(with_details(scores, matcher.matching))
    return made


def with_details(scores: TaskScores, matching: MatchingFile) -> TaskScores:
    """Adds which pairs a detail keeps apart that the task, or one that it implies, declares.

    Args:
        scores: The task.
        matching: Says what is declared, and how texts are read.

    Returns:
        The same; as it came where nothing is declared or there are no pairs.
    """
    names = with_implied(matching.task_set, [scores.task])
    declared = {name: matching.task_set.task(name).details for name in names}
    if scores.pairs is None or not any(declared.values()):
        return scores
    pairs = [(pair.text0, pair.text1) for pair in scores.pairs]
    details, rows = PairDetails(pairs.__getitem__, matching.normalization), np.arange(len(pairs))
    tells = {name: details.apart_by(kinds) for name, kinds in declared.items()}
    return replace(scores, apart={name: each(rows) for name, each in tells.items() if each is not None})


def _logits_under(
    matcher: Matcher, wanted: Mapping[tuple[str, str], Mapping[str, int]], *, on_progress: OnProgress | None
) -> dict[str, dict[tuple[str, str], float]]:
    """Scores each distinct pair once, under all tasks that ask for it and those that they imply.

    Args:
        matcher: The matcher.
        wanted: Of each pair of texts, how many labelled pairs of each task are it.
        on_progress: Told how many labelled pairs are scored.

    Returns:
        Logits by task and pair.
    """
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for texts, asked in wanted.items():
        groups.setdefault(with_implied(matcher.matching.task_set, list(asked)), []).append(texts)
    logits: dict[str, dict[tuple[str, str], float]] = {}
    for names, pairs in groups.items():
        # Shortest first, so that batches waste no tokens however few pairs stand between two words on the progress.
        pairs.sort(key=lambda texts: len(texts[0]) + len(texts[1]))
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            for name, found in matcher.logits_of(matcher.rows(chunk, tasks=names)).items():
                logits.setdefault(name, {}).update(zip(chunk, found.tolist(), strict=True))
            if on_progress is not None:
                on_progress(sum(sum(wanted[texts].values()) for texts in chunk))
    return logits


def with_looser(
    matcher: Matcher, scores: Sequence[TaskScores], *, on_progress: OnProgress | None = None
) -> list[TaskScores]:
    """Adds to strict tasks what the looser ones that they imply say of the same pairs.

    Args:
        matcher: The matcher.
        scores: Labels, logits and pairs of each task.
        on_progress: Told how many pairs are scored anew.

    Returns:
        The same tasks; those without pairs as they came.
    """
    known = {task.task: logits_by_text(task) for task in scores if task.pairs is not None}
    made = []
    for task in scores:
        if task.pairs is None:
            made.append(task)
            continue
        texts = [(pair.text0, pair.text1) for pair in task.pairs]
        looser = {}
        for name in with_implied(matcher.matching.task_set, [task.task])[1:]:
            found = known.get(name, {})
            missing = [pair for pair in dict.fromkeys(texts) if pair not in found]
            if missing:
                logits = score_texts(matcher, missing, task=name, on_progress=on_progress)
                found = known[name] = found | dict(zip(missing, logits.tolist(), strict=True))
            looser[name] = np.array([found[pair] for pair in texts])
        made.append(with_details(replace(task, looser=looser), matcher.matching))
    return made


def logits_by_text(scores: TaskScores) -> dict[tuple[str, str], float]:
    """The logit of each distinct pair of a task; none without pairs."""
    texts = [(pair.text0, pair.text1) for pair in scores.pairs or ()]
    return dict(zip(texts, scores.logits.tolist(), strict=True)) if texts else {}


def score_texts(
    matcher: Matcher, texts: Sequence[tuple[str, str]], *, task: str, on_progress: OnProgress | None = None
) -> NDArray[np.float32]:
    """Scores pairs under one task, a few hundred at a time.

    Args:
        matcher: The matcher.
        texts: The pairs.
        task: Name of the task.
        on_progress: Told after every few hundred pairs how many more are scored.

    Returns:
        Logits, float32[n], in the given order.
    """
    logits = np.empty(len(texts), dtype=np.float32)
    # Shortest first, so that batches waste no tokens however few pairs stand between two words on the progress.
    order = np.argsort([len(a) + len(b) for a, b in texts], kind="stable")
    for rows in np.array_split(order, max(1, -(-len(texts) // _CHUNK))):
        logits[rows] = matcher.logits([texts[i] for i in rows.tolist()], task=task)
        if on_progress is not None:
            on_progress(len(rows))
    return logits
