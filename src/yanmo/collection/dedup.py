"""Groups of texts that say the same under a standard, with the row of each that stays and the reason of each merge."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match import Matcher
from .candidates import CandidateCount, choose_count, joined_pairs
from .differences import differences
from .groups import group_matches
from .keep import keep_order
from .plain_text import first_of_each, plain_text
from .rows_out import check_output, write_rows
from .scoring import PairJudge
from .text_vectors import TextVectors
from .texts import GivenTexts, TextTable, read_texts
from .vector_folder import Encode, VectorFolder
from .work_folder import Progress, silent, work_folder

__all__ = ["DoubtfulPair", "GroupedRow", "Groups", "deduplicate"]

_OWN_COLUMNS = ("id", "group", "keep", "reason")
# Pairs whose probability is this near the threshold are listed for a person.
_NEAR = 0.1


@dataclass(frozen=True, slots=True)
class GroupedRow:
    """What became of one row."""

    id: str
    """Its id."""
    group: int
    """Number of its group, from 1, in the order of the rows."""
    keep: bool
    """Whether it is the one of its group that stays."""
    reason: str
    """Why it stands in the group; empty for the row that stays."""


@dataclass(frozen=True, slots=True)
class DoubtfulPair:
    """Two texts for a person to look at."""

    id_a: str
    """One row."""
    id_b: str
    """The other."""
    probability: float
    """Of a match."""
    merged: bool
    """Whether they are in one group now."""
    why: str
    """Why it is listed."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What ``deduplicate`` found."""

    rows: list[GroupedRow]
    """One for each row, in order."""
    doubtful: list[DoubtfulPair]
    """Pairs near the threshold, and merges of texts whose numbers, dates or names differ; each once."""
    count: CandidateCount | None
    """How candidates were chosen; None where no two different texts were left to compare."""
    n_groups: int
    """Groups, those of one row included."""
    n_identical: int
    """Rows merged for being the same text, character by character."""
    n_spelled: int
    """Rows merged for differing in width, case, script, spaces or end marks only."""
    n_matched: int
    """Rows merged because the standard says so."""
    n_encoded: int
    """Texts encoded in this call."""
    n_scored: int
    """Pairs scored in this call as candidates."""


def deduplicate(
    data: GivenTexts,
    *,
    matcher: Matcher,
    task: str,
    out: str | Path | None = None,
    keep: str = "first",
    index: str | Path | None = None,
    candidates: int | None = None,
    recall: float = 0.98,
    column: str | None = None,
    id_column: str | None = None,
    encoding: str = "utf-8",
    encode: Encode | None = None,
    on_progress: Progress | None = None,
) -> Groups:
    """Finds the rows of a collection that say the same under a standard.

    Equal texts and texts of one plain form go together first. Of the rest each is compared with its nearest neighbors
    by the standard's own vectors, and `group_matches` makes groups in which every member matches every other. What was
    computed stands in ``index`` (or, until the output is written, in ``OUT.part``), so that the same call goes on after
    a kill, and a later one with more rows only encodes and scores what is new.

    Args:
        data: A path, a data frame, a list of texts or of dicts.
        matcher: Knows the standard; its texts must be encoded alone.
        task: Name of the standard, a symmetric one.
        out: Where the rows go, a .csv, .tsv or .jsonl; beside it, as ``OUT.review.csv``, the doubtful pairs. It needs
            an output or an index to keep its work; without either it is kept in memory of the disk and thrown away.
        keep: ``first``, ``longest`` or ``newest:COLUMN``.
        index: Folder that keeps vectors and scores for the next time.
        candidates: Neighbors of each text; None takes as many as ``recall`` needs by an exhaustive sample.
        recall: The share of the matches that the candidates should hold.
        column: Column of the texts.
        id_column: Column of the ids.
        encoding: Of the file.
        encode: Where texts are encoded, such as `encoding_on_ray` gives; None encodes them here.
        on_progress: Told of every stage.

    Returns:
        The groups.

    Raises:
        InputError: The standard is not symmetric, the matcher's texts have no vectors of their own, the data cannot be
            read, an id is there twice, the output exists, or the index is of another model.

    Example:
        ``yanmo.deduplicate("questions.csv", matcher=Matcher.default(), task="question", out="groups.csv")``
    """
    encoder = TextVectors(matcher, task)
    if not encoder.is_symmetric:
        raise InputError(
            f"'{task}' is not symmetric: a match of the one text with the other says nothing of the other with the one",
            fix="name a symmetric standard, or compare two lists with yanmo link",
        )
    table = read_texts(data, column=column, id_column=id_column, encoding=encoding)
    target = None if out is None else Path(out)
    if target is not None:
        check_output(target)
        _check_review(_review_path(target))
        taken = [name for name in _OWN_COLUMNS[1:] if name in table.columns]
        if taken:
            raise InputError(f"has a column '{taken[0]}', which is written", where=table.where, fix="rename it")
    rank = keep_order(table, keep)
    with work_folder(target, index) as (folder, is_ours), VectorFolder.opened(folder, encoder) as store:
        found = _groups(
            table, rank, encoder, store, k=candidates, recall=recall, encode=encode, tell=on_progress or silent
        )
        if target is not None:
            _write(target, table, found)
    if is_ours:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _groups(
    table: TextTable,
    rank: NDArray[np.int64],
    encoder: TextVectors,
    store: VectorFolder,
    *,
    k: int | None,
    recall: float,
    encode: Encode | None,
    tell: Progress,
) -> Groups:
    texts = table.texts
    keys = [plain_text(text, normalization=encoder.matcher.matching.normalization) for text in texts]
    # Rows in the order of who stays, so that the first of each plain form is the one to keep.
    order = np.argsort(rank)
    of_form = np.empty(len(texts), dtype=np.int64)
    of_form[order] = order[first_of_each([keys[i] for i in order])]
    heads = np.flatnonzero((of_form == np.arange(len(texts))) & [bool(key) for key in keys])
    n_encoded = store.add(
        [texts[i] for i in heads], encode=encode, on_progress=lambda n, of: tell("编码 encoding", n, of)
    )
    row_of = {store.numbers[texts[i]]: int(i) for i in heads}
    numbers = np.array(sorted(row_of), dtype=np.int64)
    count, judge = None, PairJudge(store)
    near: list[tuple[int, int, float]] = []
    representative = np.arange(len(store.texts))
    if len(numbers) > 1:
        if k is None:
            count = choose_count(store, numbers=numbers, among=numbers, within_one=True, recall=recall)
        else:
            count = CandidateCount(min(k, len(numbers) - 1), None, 0, 0, 0.0)
        pairs = joined_pairs(store, numbers, count.k, on_progress=lambda n, of: tell("找候选 candidates", n, of))
        judge.score(pairs, on_progress=lambda n, of: tell("判断 scoring", n, of))
        verdict = judge(*pairs)
        text_rank = len(texts) + np.arange(len(store.texts))
        text_rank[numbers] = rank[[row_of[number] for number in numbers.tolist()]]
        matched = verdict.accepted
        representative = group_matches(text_rank, pairs[0][matched], pairs[1][matched], judge=judge)
        for at in np.flatnonzero(np.abs(verdict.probabilities - encoder.threshold) < _NEAR).tolist():
            near.append((int(pairs[0][at]), int(pairs[1][at]), float(verdict.probabilities[at])))
    leader = [row_of[int(representative[store.numbers[texts[i]]])] if keys[i] else int(i) for i in of_form]
    group_number = {row: n for n, row in enumerate(dict.fromkeys(leader), start=1)}
    reasons, doubts = [], []
    for i, row in enumerate(leader):
        reason = ""
        if i != row:
            own, theirs = texts[i], texts[row]
            if own == theirs:
                reason = "完全相同"
            elif keys[i] == keys[row]:
                reason = "只差写法"
            else:
                a, b = store.numbers[texts[of_form[i]]], store.numbers[texts[row]]
                p = float(judge(np.array([a]), np.array([b])).probabilities[0])
                differing = differences(texts[row], own)
                reason = "；".join([f"匹配 {p:.2f}", *differing])
                if differing and of_form[i] == i:
                    doubts.append(DoubtfulPair(table.ids[row], table.ids[i], round(p, 4), True, "；".join(differing)))
        reasons.append(reason)
    listed = {(doubt.id_a, doubt.id_b) for doubt in doubts}
    for first, second, p in near:
        a, b = sorted((row_of[first], row_of[second]))
        if not listed & {(table.ids[a], table.ids[b]), (table.ids[b], table.ids[a])}:
            why = f"离阈值 {encoder.threshold:.2f} 近"
            doubts.append(DoubtfulPair(table.ids[a], table.ids[b], round(p, 4), leader[a] == leader[b], why))
    judge.keep()
    rows = [
        GroupedRow(name, group_number[row], i == row, reason)
        for i, (name, row, reason) in enumerate(zip(table.ids, leader, reasons, strict=True))
    ]
    return Groups(
        rows,
        doubts,
        count,
        len(group_number),
        sum(reason == "完全相同" for reason in reasons),
        sum(reason == "只差写法" for reason in reasons),
        sum(reason.startswith("匹配") for reason in reasons),
        n_encoded,
        judge.n_scored,
    )


def _write(out: Path, table: TextTable, found: Groups) -> None:
    kept = [name for name in table.columns if name != "id"]
    own = [(row.id, row.group, int(row.keep), row.reason) for row in found.rows]
    rows = (
        {**values, **dict(zip(_OWN_COLUMNS, mine, strict=True))} for values, mine in zip(table.rows, own, strict=True)
    )
    text_of = dict(zip(table.ids, table.texts, strict=True))
    review = (
        {
            "id_a": pair.id_a,
            "id_b": pair.id_b,
            "text_a": text_of[pair.id_a],
            "text_b": text_of[pair.id_b],
            "probability": pair.probability,
            "merged": int(pair.merged),
            "why": pair.why,
        }
        for pair in found.doubtful
    )
    columns = ("id_a", "id_b", "text_a", "text_b", "probability", "merged", "why")
    # The groups last: where they stand, all is done.
    write_rows(_review_path(out), columns, review)
    write_rows(out, (*kept, *_OWN_COLUMNS), rows)


def _check_review(path: Path) -> None:
    """A kill between the two outputs leaves the one for a person, which is written again."""
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            if "id_a" not in (line := file.readline(1000)) or "merged" not in line:
                raise InputError("exists", where=path, fix="name another output, or move that file away")


def _review_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}.review{out.suffix}")
