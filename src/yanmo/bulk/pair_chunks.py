"""Pairs in portions, each judged as a whole, and the lines that are written for it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ..data import Pair
from ..match import Decision, Matcher, MatchingFile
from ..match.engines.identity import MatcherIdentity
from ..match.verdicts import verdicts, with_implied
from .row_forms import RowForm

__all__ = ["ChunkLines", "ChunkScorer", "PairChunk", "ScorerHere", "cut_chunks", "score_chunk"]


@dataclass(frozen=True, slots=True)
class PairChunk:
    """Some pairs of one file."""

    source: int
    """Number of the file among those of the call."""
    tasks: tuple[str, ...]
    """Names of the tasks they are judged by."""
    pairs: tuple[Pair, ...]
    """The pairs, at least one."""
    form: RowForm
    """The form of the lines."""
    asking: Mapping[str, Decision] = field(default_factory=dict)
    """Rules that take the place of the matcher's own where a person is to be asked, by task."""


@dataclass(frozen=True, slots=True)
class ChunkLines:
    """What is written for a chunk."""

    source: int
    """Number of the file the pairs are from."""
    n_pairs: int
    """How many they are."""
    data: bytes
    """One line for each."""
    n_matches: dict[str, int] = field(default_factory=dict)
    """How many of them match, by task."""
    n_asked: dict[str, int] = field(default_factory=dict)
    """How many of them are left to a person, by task."""
    n_blank: int = 0
    """How many pairs are no match for having nothing to read in either text."""
    n_apart: dict[str, int] = field(default_factory=dict)
    """How many are no match for a detail that differs, by task."""
    n_unknown: int = 0
    """How many pairs hold pieces that the vocabulary lacks."""


@runtime_checkable
class ChunkScorer(Protocol):
    """Where chunks are judged: in this process, in others, or on a cluster."""

    @property
    def matching(self) -> MatchingFile:
        """Tasks, thresholds and calibration of the matcher."""
        ...

    @property
    def identity(self) -> MatcherIdentity:
        """What computes the scores."""
        ...

    def lines(self, chunks: Iterable[PairChunk]) -> Iterator[ChunkLines]:
        """Gives the lines of every chunk, in the chunks' order, whatever they are judged in."""
        ...


class ScorerHere:
    """Judges chunks in this process.

    Args:
        matcher: Scores and decides.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self.identity = matcher.identity()
        """What computes the scores."""

    @property
    def matching(self) -> MatchingFile:
        """Tasks, thresholds and calibration of the matcher."""
        return self._matcher.matching

    def lines(self, chunks: Iterable[PairChunk]) -> Iterator[ChunkLines]:
        """Gives the lines of every chunk."""
        for chunk in chunks:
            yield score_chunk(self._matcher, chunk)


def score_chunk(matcher: Matcher, chunk: PairChunk) -> ChunkLines:
    """Judges the pairs of a chunk by all its tasks; what the tasks share is computed once.

    Args:
        matcher: Scores and decides.
        chunk: The pairs; one without an id is named by the number of its row.

    Returns:
        Their lines.
    """
    tasks = with_implied(matcher.matching.task_set, chunk.tasks)
    rows = matcher.rows([(pair.text0, pair.text1) for pair in chunk.pairs], tasks=tasks)
    matching = matcher.matching
    for task, rule in chunk.asking.items():
        matching = matching.with_decision(task, rule)
    found = verdicts(matching, matcher.logits_of(rows), is_blank=rows.is_blank, details=rows.details)
    judged = {task: found[task] for task in chunk.tasks}
    asked = {task: verdict.asked & chunk.form.asks for task, verdict in judged.items()}
    return ChunkLines(
        chunk.source,
        len(chunk.pairs),
        chunk.form.lines(chunk.pairs, judged),
        {task: int((verdict.accepted & ~asked[task]).sum()) for task, verdict in judged.items()},
        n_asked={task: int(each.sum()) for task, each in asked.items()},
        n_blank=int(judged[chunk.tasks[0]].is_blank.sum()),
        n_apart={task: int(verdict.is_apart.sum()) for task, verdict in judged.items()},
        n_unknown=int(rows.n_unknown.any(axis=1).sum()),
    )


def cut_chunks(pairs: Iterable[Pair], *, max_pairs: int, max_characters: int) -> Iterator[tuple[Pair, ...]]:
    """Cuts pairs into chunks; where one ends depends on the pairs since its beginning only.

    Args:
        pairs: The pairs.
        max_pairs: Pairs of a full chunk.
        max_characters: Characters of its texts with which a chunk is full.

    Yields:
        The chunks, in order; the last may be short.
    """
    chunk: list[Pair] = []
    n_characters = 0
    for pair in pairs:
        chunk.append(pair)
        n_characters += len(pair.text0) + len(pair.text1)
        if len(chunk) >= max_pairs or n_characters >= max_characters:
            yield tuple(chunk)
            chunk, n_characters = [], 0
    if chunk:
        yield tuple(chunk)
