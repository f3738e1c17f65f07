"""For each text of one list its matches in another, under a standard."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.edits import DifferenceKind
from ..errors import InputError
from ..match import Matcher
from .apart import apart_rule
from .assignment import assign_one_to_one
from .candidates import CandidateCount, choose_count
from .lexical_pairs import LEXICAL_FROM, lexical_pairs
from .neighbors import NeighborSearch
from .rows_out import check_output, write_rows
from .scoring import PairJudge, Pairs
from .text_vectors import TextVectors
from .texts import GivenTexts, TextTable, read_texts
from .vector_folder import Encode, VectorFolder
from .work_folder import Progress, silent, work_folder

__all__ = ["Link", "Links", "link"]

_NOT_ENCODED = -1


@dataclass(frozen=True, slots=True)
class Link:
    """One row of the first list with one of the second."""

    id_a: str
    """Row of the first list."""
    id_b: str
    """Row of the second."""
    rank: int
    """Place among the matches of its row of the first list, from 1."""
    is_match: bool
    """The standard's decision, and that nothing keeps the two apart."""
    probability: float
    """Of a match."""


@dataclass(frozen=True, slots=True)
class Links:
    """What ``link`` found."""

    links: list[Link]
    """In the order of the first list, best first."""
    count: CandidateCount
    """How candidates were chosen."""
    n_linked: int
    """Rows of the first list with at least one match."""
    labelled_recall: float | None
    """Share of the known matches that stood among the candidates; None where none were given."""
    n_encoded: int
    """Texts encoded in this call."""
    n_scored: int
    """Pairs scored in this call."""


def link(
    first: GivenTexts,
    second: GivenTexts,
    *,
    matcher: Matcher,
    task: str,
    out: str | Path | None = None,
    top: int | None = None,
    assign: bool = False,
    index: str | Path | None = None,
    candidates: int | None = None,
    recall: float = 0.98,
    apart: str | Collection[str | DifferenceKind] = (),
    overlap: float = 0.0,
    known: Iterable[tuple[str, str]] = (),
    column: str | None = None,
    id_column: str | None = None,
    encoding: str = "auto",
    encode: Encode | None = None,
    on_progress: Progress | None = None,
) -> Links:
    """Finds for each text of one list its matches in another.

    Every text of the first list is compared with its nearest of the second, by the standard's own vectors. What was
    computed stands in ``index`` (or, until the output is written, in ``OUT.part``): the same call goes on after a kill.

    Args:
        first: A path, a data frame, a list of texts or of dicts.
        second: The other list.
        matcher: Knows the standard; its texts must be encoded alone.
        task: Name of the standard; one that is not symmetric reads the first list as its first texts.
        out: Where the links go, a .csv, .tsv, .jsonl, .xlsx or .parquet: ids, rank, decision, probability, and the
            columns of both.
        top: The so many best candidates of each row, matches or not; None gives all matches.
        assign: One-to-one: no row of either list in two links, and the largest sum of probabilities.
        index: Folder that keeps vectors and scores for the next time.
        candidates: Neighbors of each text; None takes as many as ``recall`` needs by an exhaustive sample.
        recall: The share of the matches that the candidates should hold.
        apart: Differences that keep texts apart whatever the standard says; see `deduplicate`.
        overlap: The least share of neighboring characters in common; see `deduplicate`. With ``top`` candidates are
            neighbors by vectors all the same.
        known: Ids of pairs that are known to match, first list first, to measure the candidates by.
        column: Column of the texts in both lists.
        id_column: Column of the ids in both.
        encoding: Of files.
        encode: Where texts are encoded, such as `encoding_on_ray` gives; None encodes them here.
        on_progress: Told of every stage.

    Returns:
        The links.

    Raises:
        InputError: ``top`` and ``assign`` are both given, the kind of a difference is unknown, ``overlap`` is none, the
            matcher's texts have no vectors of their own, a list cannot be read, the output exists, or the index is of
            another model.
    """
    if assign and top is not None:
        raise InputError("one-to-one leaves no second best", fix="give either top or assign")
    for name, value in (("top", top), ("candidates", candidates)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}, expected 1 or more")
    tell, rule = on_progress or silent, apart_rule(apart, overlap=overlap)
    encoder = TextVectors(matcher, task)
    lists = [read_texts(each, column=column, id_column=id_column, encoding=encoding) for each in (first, second)]
    target = None if out is None else Path(out)
    if target is not None:
        check_output(target)
    with work_folder(target, index) as (folder, is_ours), VectorFolder.opened(folder, encoder) as store:
        alike, texts = None, [table.texts for table in lists]
        if candidates is None and top is None and rule.overlap >= LEXICAL_FROM:
            # All that can match is found by its characters; what shares too little is not even encoded.
            alike = _lexical(texts, overlap=rule.overlap, tell=tell)
            texts = alike
        every = [text for side in texts for text in side]
        n_encoded = store.add(every, encode=encode, on_progress=lambda n, of: tell("编码 encoding", n, of))
        judge = PairJudge(store, apart=rule)
        # A text that no candidate holds has no number where it was not encoded.
        a, b = (
            np.array([store.numbers.get(text, _NOT_ENCODED) for text in table.texts], dtype=np.int64) for table in lists
        )
        if alike is not None:
            count = CandidateCount(None, 1.0, 0, 0, 0, 0.0)
            sides = [np.array([store.numbers[text] for text in side], dtype=np.int64) for side in alike]
            pairs = sides[0], sides[1]
        else:
            count, pairs = _neighbors(store, judge, a, b, candidates=candidates, recall=recall, top=top, tell=tell)
        judge.score(pairs, on_progress=lambda n, of: tell("判断 scoring", n, of))
        verdict = judge(*pairs)
        candidates_of = _by_text(pairs, verdict.probabilities, verdict.accepted)
        links = _links(lists, (a, b), candidates_of, top=top, assign=assign)
        share = _labelled_recall(lists, (a, b), pairs, known)
    if target is not None:
        _write(target, lists, links, task, done=folder if is_ours else None)
    n_linked = len({each.id_a for each in links if each.is_match})
    return Links(links, count, n_linked, share, n_encoded, judge.n_scored)


def _lexical(texts: Sequence[Sequence[str]], *, overlap: float, tell: Progress) -> list[list[str]]:
    """The texts of all pairs of both lists that have enough in common: first texts, and beside each its second."""
    different = [list(dict.fromkeys(side)) for side in texts]
    places = lexical_pairs(*different, overlap=overlap, on_progress=lambda n, of: tell("找候选 candidates", n, of))
    return [[side[place] for place in each.tolist()] for side, each in zip(different, places, strict=True)]


def _neighbors(
    store: VectorFolder,
    judge: PairJudge,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    *,
    candidates: int | None,
    recall: float,
    top: int | None,
    tell: Progress,
) -> tuple[CandidateCount, Pairs]:
    """Each text of the first list with its nearest of the second, by numbers."""
    own, among = np.unique(a), np.unique(b)
    vectors = store.vectors()
    search = NeighborSearch(np.asarray(vectors[among]))
    if candidates is None:
        k, count = choose_count(
            store, search, numbers=own, among=among, within_one=False, recall=recall, apart=judge.apart
        )
    else:
        k = min(candidates, len(among))
        count = CandidateCount(k, None, 0, 0, 0, 0.0)
    if top is not None:
        k = max(k, min(top, len(among)))
        count = replace(count, k=k)
    found = search(np.asarray(vectors[own]), k, on_progress=lambda n, of: tell("找候选 candidates", n, of))
    there = found >= 0
    return count, (np.repeat(own, there.sum(1)), among[found[there]])


_Candidates = dict[int, list[tuple[int, float, bool]]]


def _by_text(
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]], probabilities: NDArray[np.float32], accepted: NDArray[np.bool_]
) -> _Candidates:
    """Of each first text its candidates: number, probability, decision."""
    made: _Candidates = {}
    for a, b, p, yes in zip(
        pairs[0].tolist(), pairs[1].tolist(), probabilities.tolist(), accepted.tolist(), strict=True
    ):
        made.setdefault(a, []).append((b, p, yes))
    return made


def _links(
    lists: Sequence[TextTable],
    numbers: tuple[NDArray[np.int64], NDArray[np.int64]],
    candidates_of: _Candidates,
    *,
    top: int | None,
    assign: bool,
) -> list[Link]:
    rows_of: dict[int, list[int]] = {}
    for row, number in enumerate(numbers[1].tolist()):
        rows_of.setdefault(number, []).append(row)
    each: list[list[tuple[int, float, bool]]] = []
    for number in numbers[0].tolist():
        some = [
            (row, p, yes) for b, p, yes in candidates_of.get(number, []) for row in rows_of[b] if yes or top is not None
        ]
        each.append(sorted(some, key=lambda one: (-one[1], one[0]))[:top])
    if assign:
        edges = [(a, row, p) for a, some in enumerate(each) for row, p, _ in some]
        partner = assign_one_to_one(edges)
        each = [[one for one in some if partner.get(a) == one[0]] for a, some in enumerate(each)]
    ids_a, ids_b = lists[0].ids, lists[1].ids
    return [
        Link(ids_a[a], ids_b[row], rank, yes, round(p, 6))
        for a, some in enumerate(each)
        for rank, (row, p, yes) in enumerate(some, start=1)
    ]


def _labelled_recall(
    lists: Sequence[TextTable],
    numbers: tuple[NDArray[np.int64], NDArray[np.int64]],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    known: Iterable[tuple[str, str]],
) -> float | None:
    of_id = [dict(zip(table.ids, each.tolist(), strict=True)) for table, each in zip(lists, numbers, strict=True)]
    there = set(zip(pairs[0].tolist(), pairs[1].tolist(), strict=True))
    hits = n = 0
    for names in known:
        for name, ids in zip(names, of_id, strict=True):
            if name not in ids:
                raise InputError(f"a known match names the id '{name}', which is not in its list", fix="correct it")
        n += 1
        hits += (of_id[0][names[0]], of_id[1][names[1]]) in there
    return hits / n if n else None


def _write(out: Path, lists: Sequence[TextTable], links: Sequence[Link], task: str, *, done: Path | None) -> None:
    row_of = [dict(zip(table.ids, table.rows, strict=True)) for table in lists]
    columns = [
        "id_a", "id_b", "rank", task, f"{task}_probability",
        *(f"a_{name}" for name in lists[0].columns),
        *(f"b_{name}" for name in lists[1].columns),
    ]  # fmt: skip
    rows = (
        {
            **{f"a_{name}": value for name, value in row_of[0][each.id_a].items()},
            **{f"b_{name}": value for name, value in row_of[1][each.id_b].items()},
            "id_a": each.id_a,
            "id_b": each.id_b,
            "rank": each.rank,
            task: int(each.is_match),
            f"{task}_probability": each.probability,
        }
        for each in links
    )
    write_rows(out, columns, rows, done=done)
