"""Learns a standard of match from a few labelled pairs: a matcher with one standard more, the others as they were."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.edits.difference_kinds import DifferenceKind, read_kinds
from ..data.tasks import Task
from ..errors import InputError
from ..match.decisions import Decision, Learned, MatchingFile
from ..match.details import PairDetails
from ..match.engines.learned_engine import heads_of, with_heads
from ..match.given_pairs import GivenPairs, given_pairs
from ..match.matcher import Matcher
from .expected_f1 import expected_f1_threshold
from .learn_head import LearnedFrom, learn_head
from .learn_labels import without_repeats
from .learn_readings import Readings
from .learn_tasks import tasks_of, wanted_standards

__all__ = ["LearnReport", "learn_standard", "learn_with_report", "remove_standard"]

_RATHER_TRAIN = 2000
# So many pairs without a label tell what share of such pairs matches.
_TELLS_SHARE = 50
# So many examples that differ in a detail, none of them a match, speak for declaring it.
_SPEAK = 2
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What is worth telling of a learning."""

    names: tuple[str, ...]
    """The standards that were learned, the loosest first."""
    lines: tuple[str, ...]
    """Sentences for a person."""


def learn_standard(
    matcher: Matcher,
    pairs: GivenPairs,
    labels: Iterable[object],
    *,
    name: str,
    title: str = "",
    asks: str = "",
    unlabelled: GivenPairs = (),
    match: Sequence[str] | None = None,
    graded: bool = False,
    symmetric: bool = True,
    details: Sequence[str | DifferenceKind] | str = (),
) -> Matcher:
    """Learns a standard from 16 to some hundred labelled pairs; two of each kind are the least.

    The new standard is a linear head over what trained standards compute of a pair (see ``learn_head``), so nothing of
    the network changes: the scores of all others stay the same to the bit, no torch is needed, and a score costs at
    most 1.5 times one of a trained standard where half of the layers are shared.

    Args:
        matcher: Any matcher; it is left as it is.
        pairs: The texts.
        labels: Of each pair: 1 and 0, True and False, 是 and 否, same and different, and their like.
        name: What the standard is called; of graded labels the stem, to which each grade is added.
        title: What people are shown.
        asks: In one sentence, what a match is.
        unlabelled: Pairs of the same kind without labels, as they come: they help to tell what is near and far among
            such pairs, and fifty or more choose the threshold, that of the highest expected F1; else it is one half.
        match: The labels that mean a match, where it is not plain from the words.
        graded: Whether labels are grades: then each from the second on makes a standard, each stricter one implying
            the looser.
        symmetric: Whether a pair and the pair swapped are one question.
        details: Details that must agree, or ``"all"``: pairs that read alike but for one of them are no match, whatever
            was learned; see ``Task.details``.

    Returns:
        A matcher with the standards that were there and the new one.

    Raises:
        InputError: There are fewer than two pairs of a kind, a pair has two labels, it is open what a label means, or
            the name is taken or none.

    Example:
        ``learn_standard(Matcher.default(), pairs, ["是", "否", ...], name="同问题")``
    """
    kinds = read_kinds(details)
    given = given_pairs(pairs)
    found, _ = learn_with_report(
        matcher,
        given,
        list(labels),
        name=name,
        title=title,
        asks=asks,
        unlabelled=given_pairs(unlabelled),
        match=match,
        graded=graded,
        symmetric=symmetric,
        details=kinds,
    )
    return found


def learn_with_report(
    matcher: Matcher,
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[Any],
    *,
    name: str,
    title: str = "",
    asks: str = "",
    unlabelled: Sequence[tuple[str, str]] = (),
    match: Sequence[str] | None = None,
    graded: bool = False,
    symmetric: bool = True,
    details: Sequence[str | DifferenceKind] | str = (),
    lines: Sequence[int] | None = None,
    where: Path | None = None,
) -> tuple[Matcher, LearnReport]:
    """Learns as ``learn_standard`` does, and says what there is to tell; arguments as there.

    Args:
        matcher: Any matcher.
        pairs: The texts.
        labels: Of each pair.
        name: What the standard is called.
        title: What people are shown.
        asks: What a match is.
        unlabelled: Pairs without labels.
        match: The labels that mean a match.
        graded: Whether labels are grades.
        symmetric: Whether sides do not matter.
        details: Details that must agree.
        lines: Line of each pair in its file, for messages.
        where: That file.

    Returns:
        The matcher and the report.

    Raises:
        InputError: As ``learn_standard``.
    """
    agreeing = read_kinds(details)
    try:
        if len(pairs) != len(labels):
            raise InputError(f"there are {len(pairs)} pairs and {len(labels)} labels", fix="give one label for each")
        _check_texts(pairs, lines)
        kept = without_repeats(pairs, [str(label) for label in labels], lines=lines, symmetric=symmetric)
        texts, said = [pairs[i] for i in kept], [labels[i] for i in kept]
        kinds = wanted_standards(said, name=name, match=match, graded=graded)
        tasks = tasks_of(kinds, matcher, texts, title=title, asks=asks, symmetric=symmetric, details=agreeing)
    except InputError as error:
        if where is None or error.where is not None:
            raise
        raise InputError(error.problem, where=where, fix=error.fix) from error
    readings = Readings.of(matcher, texts, budget=tasks[0].pair_budget)
    elsewhere = Readings.of(matcher, list(unlabelled), budget=tasks[0].pair_budget)
    matching, heads, notes = matcher.matching, heads_of(matcher.engine), []
    details_here, details_elsewhere = (
        PairDetails(some.__getitem__, matching.normalization) for some in (texts, unlabelled)
    )
    sources: tuple[str, ...] | None = None
    for task, kind in zip(tasks, kinds, strict=True):
        found = learn_head(readings, kind.is_match, unlabelled=elsewhere, sources=sources)
        # Standards of one set of grades are computed from the same sources, and then share that cost.
        sources = tuple(source.name for source in found.head.sources)
        record = _record(found, kind.is_match, texts, said, n_unlabelled=len(unlabelled))
        chances = 1 / (1 + np.exp(-found.unlabelled))
        is_apart = details_elsewhere.apart_by(task.details)
        if is_apart is not None:
            chances[is_apart(np.arange(len(unlabelled)))] = 0.0
        matching = _with_task(matching, task, record, _threshold(chances))
        heads[task.name] = found.head
        notes += [_sentence(task, record), *_of_details(task, texts, details_here, kind.is_match)]
    engine = with_heads(matcher.engine, matcher.matching.trained, heads)
    return Matcher(engine, matcher.pair_encoder, matching), LearnReport(
        tuple(task.name for task in tasks), (*notes, *_advice(len(pairs) - len(kept), len(kept)))
    )


def remove_standard(matcher: Matcher, *, name: str) -> Matcher:
    """Gives the matcher without a learned standard.

    Args:
        matcher: Any matcher; it is left as it is.
        name: The learned standard.

    Returns:
        The matcher without it.

    Raises:
        InputError: There is no such standard, it was trained, or another one implies it.
    """
    matching = matcher.matching
    matching.task_set.index(name)
    if name not in matching.learned:
        known = ", ".join(matching.learned) or "none"
        problem = f"'{name}' was trained, and is in the weights; learned standards: {known}"
        raise InputError(problem, fix="use --task to leave it out")
    stricter = [task.name for task in matching.task_set.tasks if task.implies == name]
    if stricter:
        raise InputError(f"'{stricter[0]}' implies '{name}'", fix=f"remove {stricter[0]} first")
    left = [each for each in matching.task_set.names if each != name]
    heads = {each: head for each, head in heads_of(matcher.engine).items() if each != name}
    changed = matching.model_copy(
        update={
            "task_set": matching.task_set.subset(left),
            "decisions": {each: rule for each, rule in matching.decisions.items() if each != name},
            "learned": {each: how for each, how in matching.learned.items() if each != name},
        }
    )
    return Matcher(with_heads(matcher.engine, matching.trained, heads), matcher.pair_encoder, changed)


def _check_texts(pairs: Sequence[tuple[str, str]], lines: Sequence[int] | None) -> None:
    for position, (a, b) in enumerate(pairs):
        if not a.strip() or not b.strip():
            place = f"example {position + 1}" if lines is None else f"line {lines[position]}"
            side = "first" if not a.strip() else "second"
            raise InputError(
                f"{place}: the {side} text is empty", fix="a label on nothing teaches nothing; leave it out"
            )


def _record(
    found: LearnedFrom,
    is_match: NDArray[np.bool_],
    pairs: Sequence[tuple[str, str]],
    labels: Sequence[Any],
    *,
    n_unlabelled: int,
) -> Learned:
    content = json.dumps([[a, b, str(label)] for (a, b), label in zip(pairs, labels, strict=True)], ensure_ascii=False)
    return Learned(
        n_pairs=len(is_match),
        n_matches=int(is_match.sum()),
        n_unlabelled=n_unlabelled,
        sources=tuple(source.name for source in found.head.sources),
        expected_accuracy=float(np.mean((found.left_out >= 0) == is_match)),
        data=hashlib.sha256(content.encode()).hexdigest(),
        date=datetime.date.today().isoformat(),
    )


def _threshold(chances: NDArray[np.float64]) -> float:
    """One half, where right decisions are most; with pairs to see how many match, that of the highest expected F1."""
    if len(chances) < _TELLS_SHARE:
        return 0.5
    threshold, _ = expected_f1_threshold(chances)
    return threshold


def _with_task(matching: MatchingFile, task: Task, record: Learned, threshold: float) -> MatchingFile:
    # The head's logits are calibrated as they are.
    decision = Decision(threshold=threshold, n_examples=record.n_pairs)
    return MatchingFile.model_validate(
        matching.model_copy(
            update={
                "task_set": matching.task_set.model_copy(update={"tasks": (*matching.task_set.tasks, task)}),
                "decisions": {**matching.decisions, task.name: decision},
                "learned": {**matching.learned, task.name: record},
            }
        ).model_dump()
    )


def _sentence(task: Task, record: Learned) -> str:
    right, base = record.expected_accuracy or 0.0, max(record.n_matches, record.n_pairs - record.n_matches)
    return (
        f"{task.name}：从 {record.n_pairs} 对学来（{record.n_matches} 对匹配），由 {'、'.join(record.sources)} 算出；"
        f"逐对留出时判对 {right:.0%}（总猜多的一边为 {base / record.n_pairs:.0%}）"
    )


def _of_details(
    task: Task, pairs: Sequence[tuple[str, str]], details: PairDetails, is_match: NDArray[np.bool_]
) -> list[str]:
    """Examples that the declared details contradict, or that speak for declaring some."""
    found = [{each.kind for each in details.found(row)} for row in range(len(pairs))]
    against = [i for i, kinds in enumerate(found) if is_match[i] and kinds & set(task.details)]
    if against:
        said = "；".join(" / ".join(pairs[i]) for i in against[:_SHOWN])
        return [f"{task.name}：有 {len(against)} 对标为匹配，却只差一处声明了的细节，会判为不匹配：{said}"]
    open_kinds = [kind for kind in DifferenceKind if kind not in task.details]
    wanted = {kind: [bool(is_match[i]) for i, kinds in enumerate(found) if kind in kinds] for kind in open_kinds}
    named = [kind.value for kind, labels in wanted.items() if len(labels) >= _SPEAK and not any(labels)]
    if not named:
        return []
    return [f"{task.name}：只差{'、'.join(named)} 的对都标为不匹配，可以声明：--details {','.join(named)}"]


def _advice(n_repeated: int, n: int) -> list[str]:
    lines = [f"有 {n_repeated} 对是重复的，各只算一次"] if n_repeated else []
    if n >= _RATHER_TRAIN:
        lines.append(f"有 {n:,} 对标注：训练（yanmo train）会比这样学更准，见 docs/methods/standard.md")
    return lines
