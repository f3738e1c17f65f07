"""What is the same wherever chunks are judged outside this process: the work of one worker, and answers in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import InputError
from ..match import Matcher
from ..match.named_matcher import open_matcher
from .pair_chunks import ChunkLines, PairChunk, score_chunk

__all__ = ["ChunkRefusal", "in_order", "score_by_name"]


@dataclass(frozen=True, slots=True)
class ChunkRefusal:
    """An `InputError` as it travels between processes; the exception itself would be changed on the way."""

    problem: str
    """As in the error."""
    where: str | Path | None
    """As in the error."""
    line: int | None
    """As in the error."""
    fix: str | None
    """As in the error."""


def score_by_name(model: str, chunk: PairChunk) -> ChunkLines | ChunkRefusal:
    """Judges a chunk with one thread; the work of a worker.

    Args:
        model: The matcher as `open_matcher` names it; opened at the worker's first chunk.
        chunk: The pairs.

    Returns:
        Their lines, or why there are none.
    """
    try:
        return score_chunk(_opened(model), chunk)
    except InputError as error:
        return ChunkRefusal(error.problem, error.where, error.line, error.fix)


@lru_cache(maxsize=1)
def _opened(model: str) -> Matcher:
    # Read by tokenizers and, when it is imported, by torch.
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    return open_matcher(model, n_threads=1)


def in_order(
    chunks: Iterable[PairChunk],
    submit: Callable[[PairChunk], Callable[[], ChunkLines | ChunkRefusal]],
    *,
    n_in_flight: int,
) -> Iterator[ChunkLines]:
    """Has chunks judged some at a time and gives their lines in the chunks' order.

    Args:
        chunks: The chunks; read no further ahead than there may be chunks in flight.
        submit: Sends a chunk to a worker; what it returns waits for the answer.
        n_in_flight: Chunks sent whose lines have not been given, at most.

    Yields:
        The lines of every chunk. Where reading fails, the lines of the chunks before come first.

    Raises:
        InputError: Reading failed, or a worker refused a chunk.
    """
    coming = iter(chunks)
    waiting: deque[Callable[[], ChunkLines | ChunkRefusal]] = deque()
    failure: InputError | None = None
    while True:
        while failure is None and len(waiting) < n_in_flight:
            try:
                chunk = next(coming, None)
            except InputError as error:
                failure = error
                break
            if chunk is None:
                break
            waiting.append(submit(chunk))
        if not waiting:
            break
        answer = waiting.popleft()()
        if isinstance(answer, ChunkRefusal):
            raise InputError(answer.problem, where=answer.where, line=answer.line, fix=answer.fix)
        yield answer
    if failure is not None:
        raise failure
