"""Rows into groups: by spelling first, then by the standard, with the reason of every merge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.edits import find_differences, said_differences
from ..data.plain_text import first_of_each, plain_text
from ..match import Verdict
from .apart import ApartRule
from .candidates import CandidateCount, choose_count, joined_pairs
from .groups import group_matches
from .lexical_pairs import LEXICAL_FROM, lexical_pairs
from .neighbors import NeighborSearch
from .scoring import PairJudge, Pairs
from .texts import TextTable
from .vector_folder import Encode, VectorFolder
from .work_folder import Progress

__all__ = ["DoubtfulPair", "GroupedRow", "Groups", "find_groups"]

# Pairs whose probability is this near the threshold are listed for a person.
_NEAR = 0.1
_IDENTICAL, _SPELLED, _MATCHED = "完全相同 identical", "只差写法 spelling", "匹配 match"


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
    """Pairs near the threshold, merges of texts whose numbers, dates or names differ, and matches that these kept
    apart; each once."""
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
    """Pairs scored in this call, those of the sample that chose the candidates not counted."""


def find_groups(
    table: TextTable,
    rank: NDArray[np.int64],
    store: VectorFolder,
    *,
    k: int | None,
    recall: float,
    apart: ApartRule,
    encode: Encode | None,
    tell: Progress,
) -> Groups:
    """Puts the rows of a collection into groups; see ``deduplicate``.

    Args:
        table: The rows.
        rank: Of each row who stays before whom, int64[n], lowest first.
        store: Folder of vectors and scores under the standard.
        k: Candidates of each text; None measures how many it takes.
        recall: The share of the matches that the candidates should hold.
        apart: What keeps texts apart, whatever the standard says.
        encode: Where texts are encoded; None for here.
        tell: Told of every stage.

    Returns:
        The groups.
    """
    texts, normalization = table.texts, store.encoder.matcher.matching.normalization
    keys = [plain_text(text, normalization=normalization) for text in texts]
    # Rows in the order of who stays, so that the first of each plain form is the one to keep.
    order = np.argsort(rank)
    of_form = np.empty(len(texts), dtype=np.int64)
    of_form[order] = order[first_of_each([keys[i] for i in order])]
    heads = [i for i in range(len(texts)) if of_form[i] == i and keys[i]]
    alike = None
    if k is None and apart.overlap >= LEXICAL_FROM:
        # All that can match is found by its characters; what shares too little with any other is not even encoded.
        places = lexical_pairs(
            [texts[i] for i in heads], overlap=apart.overlap, on_progress=lambda n, of: tell("找候选 candidates", n, of)
        )
        alike = [[heads[place] for place in side.tolist()] for side in places]
        heads = sorted({i for side in alike for i in side})
    new = [texts[i] for i in heads]
    n_encoded = store.add(new, encode=encode, on_progress=lambda n, of: tell("编码 encoding", n, of))
    row_of = {store.numbers[texts[i]]: i for i in heads}
    pairs = None
    if alike is not None:
        first, second = (np.array([store.numbers[texts[i]] for i in side], dtype=np.int64) for side in alike)
        pairs = np.minimum(first, second), np.maximum(first, second)
    judge = PairJudge(store, apart=apart)
    found = _by_standard(row_of, rank, store, judge, pairs=pairs, k=k, recall=recall, tell=tell)
    head_of = {i: row_of[int(found.representative[number])] for number, i in row_of.items()}
    leader = [head_of.get(int(i), int(i)) for i in of_form]
    reasons, doubts = [], []
    for i, row in enumerate(leader):
        if i == row:
            reasons.append("")
        elif texts[i] == texts[row]:
            reasons.append(_IDENTICAL)
        elif keys[i] == keys[row]:
            reasons.append(_SPELLED)
        else:
            a, b = store.numbers[texts[of_form[i]]], store.numbers[texts[row]]
            p = float(judge(np.array([a]), np.array([b])).probabilities[0])
            said = said_differences(find_differences(texts[row], texts[i]))
            reasons.append("；".join([f"{_MATCHED} {p:.2f}", *said]))
            if said and of_form[i] == i:
                doubts.append(DoubtfulPair(table.ids[row], table.ids[i], round(p, 4), True, "；".join(said)))
    judge.keep()
    doubts += _listed(table, leader, row_of, found, but={(d.id_a, d.id_b) for d in doubts})
    group_number = {row: n for n, row in enumerate(dict.fromkeys(leader), start=1)}
    rows = [
        GroupedRow(name, group_number[row], i == row, reason)
        for i, (name, row, reason) in enumerate(zip(table.ids, leader, reasons, strict=True))
    ]
    n_identical, n_spelled, n_matched = (
        sum(reason.startswith(why) for reason in reasons) for why in (_IDENTICAL, _SPELLED, _MATCHED)
    )
    n_groups = len(group_number)
    return Groups(rows, doubts, found.count, n_groups, n_identical, n_spelled, n_matched, n_encoded, judge.n_scored)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    representative: NDArray[np.int64]
    """Of each text of the folder, by number."""
    near: list[tuple[int, int, float, str]]
    """Texts of candidate pairs near the threshold or kept apart, the probability, and why it is listed."""
    count: CandidateCount | None


def _by_standard(
    row_of: dict[int, int],
    rank: NDArray[np.int64],
    store: VectorFolder,
    judge: PairJudge,
    *,
    pairs: Pairs | None,
    k: int | None,
    recall: float,
    tell: Progress,
) -> _Found:
    """Groups different texts, each of which stands for the row that it leads to."""
    numbers = np.array(sorted(row_of), dtype=np.int64)
    if len(numbers) < 2:
        return _Found(np.arange(len(store.texts)), [], None)
    count = CandidateCount(None, 1.0, 0, 0, 0, 0.0)
    if pairs is None:
        search = NeighborSearch(np.asarray(store.vectors()[numbers]))
        if k is None:
            k, count = choose_count(
                store, search, numbers=numbers, among=numbers, within_one=True, recall=recall, apart=judge.apart
            )
        else:
            k = min(k, len(numbers) - 1)
            count = CandidateCount(k, None, 0, 0, 0, 0.0)
        pairs = joined_pairs(store, search, numbers, k, on_progress=lambda n, of: tell("找候选 candidates", n, of))
    judge.score(pairs, on_progress=lambda n, of: tell("判断 scoring", n, of))
    verdict = judge(*pairs)
    # Texts of earlier collections in the same folder come last, and are in no pair.
    text_rank = len(rank) + np.arange(len(store.texts))
    text_rank[numbers] = rank[[row_of[number] for number in numbers.tolist()]]
    matched = verdict.accepted
    representative = group_matches(text_rank, pairs[0][matched], pairs[1][matched], judge=judge)
    return _Found(representative, _to_look_at(pairs, verdict, judge, store.encoder.threshold), count)


def _to_look_at(
    pairs: Pairs, verdict: Verdict, judge: PairJudge, threshold: float
) -> list[tuple[int, int, float, str]]:
    above = verdict.probabilities >= threshold
    near = np.abs(verdict.probabilities - threshold) < _NEAR
    listed = []
    for at in np.flatnonzero(near | (above & ~verdict.accepted)).tolist():
        a, b, p = int(pairs[0][at]), int(pairs[1][at]), float(verdict.probabilities[at])
        why = judge.apart.why(a, b) if above[at] else ""
        if why or near[at]:
            listed.append((a, b, p, why or f"离阈值 {threshold:.2f} 近 near the threshold"))
    return listed


def _listed(
    table: TextTable, leader: list[int], row_of: dict[int, int], found: _Found, *, but: set[tuple[str, str]]
) -> list[DoubtfulPair]:
    listed = []
    for first, second, p, why in found.near:
        a, b = sorted((row_of[first], row_of[second]))
        names = table.ids[a], table.ids[b]
        if not but & {names, names[::-1]}:
            listed.append(DoubtfulPair(*names, round(p, 4), leader[a] == leader[b], why))
    return listed
