"""Counts and times of the HTTP service for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from .queue.batcher import BatchReport

__all__ = ["ServiceMetrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class ServiceMetrics:
    """What the service has done so far; a registry of its own, so that several services may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "yanmo_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "yanmo_request_seconds",
            "Seconds from a request's headers to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._pairs = Counter("yanmo_pairs", "Pairs of answered requests", registry=self.registry)
        self._tokens = Counter("yanmo_tokens", "Tokens scored, over all tasks", registry=self.registry)
        self._batch_rows = Histogram(
            "yanmo_batch_rows", "Rows (a pair under a task) of a batch", buckets=_ROWS, registry=self.registry
        )
        self._batch_tokens = Histogram(
            "yanmo_batch_tokens", "Tokens of a batch", buckets=_TOKENS, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "yanmo_batch_seconds", "Seconds to score a batch", buckets=_SECONDS, registry=self.registry
        )
        self._queue = Gauge("yanmo_queue_tokens", "Tokens admitted and not yet scored", registry=self.registry)

    def watch_queue(self, n_tokens: Callable[[], int]) -> None:
        """Shows the length of the queue.

        Args:
            n_tokens: Gives the tokens that are admitted and not yet scored.
        """
        self._queue.set_function(n_tokens)

    def saw_request(self, *, method: str, route: str, status: int, seconds: float, n_pairs: int) -> None:
        """Counts an answered request.

        Args:
            method: HTTP method.
            route: The route, one of a fixed set.
            status: HTTP status.
            seconds: Time it took.
            n_pairs: Pairs it held.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        self._pairs.inc(n_pairs)

    def saw_batch(self, report: BatchReport) -> None:
        """Counts a scored batch; called from the scoring thread."""
        self._tokens.inc(report.n_tokens)
        self._batch_rows.observe(report.n_rows)
        self._batch_tokens.observe(report.n_tokens)
        self._batch_seconds.observe(report.seconds)

    def text(self) -> bytes:
        """Gives everything in Prometheus' text format."""
        return generate_latest(self.registry)
