"""Chunks judged by several processes of this machine, one thread each."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import TracebackType

from ..errors import InputError
from ..match import MatchingFile
from ..match.engines.identity import MatcherIdentity
from .chunks_elsewhere import ChunkRefusal, in_order, score_by_name
from .pair_chunks import ChunkLines, PairChunk

__all__ = ["WorkerPool"]


class WorkerPool:
    """Processes that each open the matcher and judge chunks; they end with the ``with`` block, or with this process.

    Args:
        model: The matcher as `open_matcher` names it.
        matching: Its tasks, thresholds and calibration.
        identity: What computes its scores.
        n_workers: How many processes.

    Example:
        ``with WorkerPool("runs/sohu", matching=m.matching, identity=m.identity(), n_workers=4) as pool: ...``
    """

    def __init__(self, model: str, *, matching: MatchingFile, identity: MatcherIdentity, n_workers: int) -> None:
        self.matching = matching
        """Tasks, thresholds and calibration of the matcher."""
        self.identity = identity
        """What computes the scores."""
        self._model = model
        self._n_workers = n_workers
        self._strangers = set(multiprocessing.active_children())
        self._workers: list[BaseProcess] = []
        # Spawned, not forked: a fork of a process whose compute threads have started may hang.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(n_workers, mp_context=context, initializer=_end_with_parent)

    def lines(self, chunks: Iterable[PairChunk]) -> Iterator[ChunkLines]:
        """Gives the lines of every chunk, in the chunks' order.

        Args:
            chunks: The chunks.

        Returns:
            Their lines.

        Raises:
            InputError: A worker ended before its work, or refused a chunk.
        """
        # A second chunk each, so that none waits while another is slow or lines are written.
        return in_order(chunks, self._submit, n_in_flight=2 * self._n_workers)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # nobody will write what they are judging
            for worker in self._workers:
                worker.terminate()
        self._executor.shutdown(cancel_futures=True)

    def _submit(self, chunk: PairChunk) -> Callable[[], ChunkLines | ChunkRefusal]:
        try:
            with _interrupts_blocked():
                future = self._executor.submit(score_by_name, self._model, chunk)
        except BrokenProcessPool as error:
            raise self._death() from error
        if len(self._workers) < self._n_workers:  # they are started as they are needed
            self._workers = [child for child in multiprocessing.active_children() if child not in self._strangers]

        def wait() -> ChunkLines | ChunkRefusal:
            try:
                return future.result()
            except BrokenProcessPool as error:
                raise self._death() from error

        return wait

    def _death(self) -> InputError:
        """Says which worker ended; the pool then ends the others, by SIGTERM."""
        ended = [worker for worker in self._workers if worker.exitcode]
        self._executor.shutdown(cancel_futures=True)
        named = [worker for worker in self._workers if worker.exitcode not in (None, 0, -signal.SIGTERM)]
        worker = (named or ended or self._workers)[0]
        code = worker.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return InputError(
            f"worker process {worker.pid} {how}",
            fix="repeat the command, it goes on where it stopped; where memory ran out, with fewer --workers",
        )


def _end_with_parent() -> None:
    """Ends a worker whose parent was killed, which it would not notice while it waits for work."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal; workers started in here never hear it, the parent hears it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
