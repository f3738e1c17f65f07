"""Pairs in portions, each judged as a whole, and the lines that are written for it."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from ...data import Pair
from ...match import Matcher, MatchingFile
from ...match.engines.identity import MatcherIdentity
from ...match.verdicts import with_implied

__all__ = [
    "ChunkLines",
    "ChunkScorer",
    "OutputFormat",
    "PairChunk",
    "ScorerHere",
    "cut_chunks",
    "score_chunk",
    "spreadsheet_safe",
]

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


class OutputFormat(str, Enum):
    """The contest's ``id,label`` table, or JSON lines with probabilities."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class PairChunk:
    """Some pairs of one file."""

    source: int
    """Number of the file among those of the call."""
    task: str
    """Name of the task."""
    pairs: tuple[Pair, ...]
    """The pairs, at least one."""
    output: OutputFormat
    """The form of the lines."""


@dataclass(frozen=True, slots=True)
class ChunkLines:
    """What is written for a chunk."""

    source: int
    """Number of the file the pairs are from."""
    n_pairs: int
    """How many they are."""
    n_matches: int
    """How many of them match."""
    data: bytes
    """One line for each."""
    n_blank: int = 0
    """How many pairs are no match for having nothing to read in either text."""
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
    """Judges the pairs of a chunk.

    Args:
        matcher: Scores and decides.
        chunk: The pairs; one without an id is named by the number of its line.

    Returns:
        Their lines.
    """
    tasks = with_implied(matcher.matching.task_set, [chunk.task])
    rows = matcher.rows([(pair.text0, pair.text1) for pair in chunk.pairs], tasks=tasks)
    verdict = matcher.judge_rows(rows)[chunk.task]
    probabilities, accepted = verdict.probabilities, verdict.accepted.tolist()
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    for pair, probability, label in zip(chunk.pairs, probabilities.tolist(), accepted, strict=True):
        name = str(pair.line) if pair.id is None else pair.id
        if chunk.output is OutputFormat.CSV:
            table.writerow([spreadsheet_safe(name), int(label)])
        else:
            row = {"id": name, "task": chunk.task, "label": int(label), "probability": round(probability, 6)}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    data = out.getvalue().encode("utf-8", "backslashreplace")
    return ChunkLines(
        chunk.source,
        len(chunk.pairs),
        sum(accepted),
        data,
        n_blank=int(verdict.is_blank.sum()),
        n_unknown=int(rows.n_unknown.any(axis=1).sum()),
    )


def spreadsheet_safe(name: str) -> str:
    """Puts an apostrophe before an id that a spreadsheet would compute, and before one that has it already.

    Whoever opens the table need not trust whoever wrote the ids, and quotes do not keep ``=HYPERLINK(...)`` from being
    one. Taking one apostrophe off where ids begin with it gives every id back; JSON lines hold them as they are.

    Args:
        name: The id.

    Returns:
        It, or it after an apostrophe.

    Example:
        >>> [spreadsheet_safe(name) for name in ("=1+1", "-5", "-1+1", "'=1", "Q-77")]
        ["'=1+1", '-5', "'-1+1", "''=1", 'Q-77']
    """
    beginning = name.lstrip("'").lstrip()[:1]
    if not beginning or (beginning not in "=+-@＝＋－＠" and name[:1] not in "\t\r"):
        return name
    return name if _NUMBER.fullmatch(name) else f"'{name}"


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
