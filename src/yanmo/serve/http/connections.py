"""Connections that wait for nothing: a time for each request to begin, and room for the next one who comes.

A client may open a connection and send half a header, or a body that nobody asked for, byte by byte. Such a connection
costs a file descriptor, of which a process has about a thousand; without limits a few clients can take them all.
"""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["limited_protocol"]


@dataclass
class _Limits:
    """What the connections of one server share.

    Attributes:
        head_timeout: Seconds in which a request must have begun.
        max_connections: Connections at a time.
        idle: Those without a request that is being answered, in the order in which they came to be so.
    """

    head_timeout: float
    max_connections: int
    idle: "dict[_LimitedProtocol, None]" = field(default_factory=dict)


class _LimitedProtocol(H11Protocol):
    limits: ClassVar[_Limits]
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.limits.idle[self] = None
        self._patience = self.loop.call_later(self.limits.head_timeout, transport.abort)
        if len(self.connections) > self.limits.max_connections:
            # Not counted any more, though it takes until the loop's next turn to be closed.
            oldest = next(iter(self.limits.idle))
            oldest._forget()
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
            return
        self.limits.idle.setdefault(self)
        # A connection that is kept open may rest; one that has begun to send may not.
        has_begun = self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])
        if has_begun and self._patience is None:
            self._patience = self.loop.call_later(self.limits.head_timeout, self.transport.abort)

    def _forget(self) -> None:
        self.limits.idle.pop(self, None)
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def limited_protocol(*, head_timeout: float, max_connections: int) -> type[asyncio.Protocol]:
    """Makes the protocol that a server gives each connection.

    Args:
        head_timeout: Seconds from a connection's beginning, or a request's first byte, to the end of its headers.
        max_connections: Connections at a time. Beyond them the one that has been idle for longest is closed; if all are
            busy, the new one.

    Returns:
        A class for ``uvicorn.Config(http=...)``.
    """

    class LimitedProtocol(_LimitedProtocol):
        limits = _Limits(head_timeout, max_connections)

    return LimitedProtocol
