"""Chunks judged by Ray: on this machine, or on the cluster that the environment names.

Tasks of Ray's core, not Ray Data: its sources are read by the cluster's own processes, in no order unless it is asked
for, while here one reader keeps order, bad lines and the journal as without Ray. What is sent away is a chunk of texts,
and what comes back the bytes of its lines, so a cluster is busy with scoring and little else.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from ..errors import InputError, require_extra
from ..match import MatchingFile
from ..match.engines.identity import MatcherIdentity
from .chunks_elsewhere import ChunkRefusal, in_order, score_by_name
from .pair_chunks import ChunkLines, PairChunk

__all__ = ["RayScorer"]

# Bytes of the store that workers of one machine share: chunks are small and few at a time.
_STORE = 1 << 28
_KNOCK_SECONDS = 10.0


class RayScorer:
    """A Ray session whose tasks judge chunks, one core each; Ray runs a task again whose worker was lost.

    With ``RAY_ADDRESS`` in the environment it is that cluster's, and Yanmo and the matcher must be found on its nodes
    under the same names; without, it is started here and ends with the ``with`` block.

    Args:
        model: The matcher as `open_matcher` names it.
        matching: Its tasks, thresholds and calibration.
        identity: What computes its scores.
        n_workers: Chunks judged at a time, one core each; None takes all cores there are.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, model: str, *, matching: MatchingFile, identity: MatcherIdentity, n_workers: int | None) -> None:
        self.matching = matching
        """Tasks, thresholds and calibration of the matcher."""
        self.identity = identity
        """What computes the scores."""
        self._model = model
        self._n_workers = n_workers
        self._n_in_flight = 1
        # Ray reports its use to its makers unless told otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray: Any = require_extra("ray", extra="ray")

    def lines(self, chunks: Iterable[PairChunk]) -> Iterator[ChunkLines]:
        """Gives the lines of every chunk, in the chunks' order.

        Args:
            chunks: The chunks.

        Returns:
            Their lines.

        Raises:
            InputError: A task failed, or refused a chunk.
        """
        task = self._ray.remote(num_cpus=1)(score_by_name)

        def submit(chunk: PairChunk) -> Callable[[], ChunkLines | ChunkRefusal]:
            answer = task.remote(self._model, chunk)
            return lambda: self._wait(answer)

        return in_order(chunks, submit, n_in_flight=self._n_in_flight)

    def __enter__(self) -> "RayScorer":
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if address := os.environ.get("RAY_ADDRESS"):
            _knock(address)
            try:
                self._ray.init(address="auto", **quiet)
            except (ConnectionError, self._ray.exceptions.RayError) as error:
                fix = "check RAY_ADDRESS and, where the cluster asks for one, RAY_AUTH_MODE and RAY_AUTH_TOKEN"
                raise InputError(f"this Ray cannot be joined ({error})", where=address, fix=fix) from error
            # A task waits beside each one that runs; where a share of the cluster is asked for, no more may run.
            self._n_in_flight = self._n_workers or 2 * self._n_cores()
        else:
            self._ray.init(
                address="local", num_cpus=self._n_workers, object_store_memory=_STORE, include_dashboard=False, **quiet
            )
            self._n_in_flight = 2 * self._n_cores()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def _n_cores(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _wait(self, answer: Any) -> ChunkLines | ChunkRefusal:
        try:
            given: ChunkLines | ChunkRefusal = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().split("\n")[-1]
            raise InputError(
                f"a task of Ray failed ({reason})", fix="repeat the command, it goes on where it stopped"
            ) from error
        return given


def _knock(address: str) -> None:
    """Makes sure that something listens at an address: Ray itself tries for minutes and then says little."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return  # "auto", or what else Ray knows how to find
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, ValueError) as error:
        raise InputError(f"no Ray answers ({error})", where=address, fix="correct RAY_ADDRESS, or unset it") from error
