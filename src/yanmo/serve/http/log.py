"""The request log: one JSON object a line, and never a text."""

import json
from datetime import datetime, timezone
from typing import Protocol, runtime_checkable

__all__ = ["LineStream", "RequestLog"]


@runtime_checkable
class LineStream(Protocol):
    """Where lines may go: a file, standard output, a buffer."""

    def write(self, text: str, /) -> int:
        """Takes text."""
        ...

    def flush(self) -> None:
        """Passes on what it has taken."""
        ...


class RequestLog:
    """Writes what happened, one JSON object a line.

    Args:
        stream: Where to.

    Example:
        >>> import io
        >>> stream = io.StringIO()
        >>> RequestLog(stream).write(event="listening")
        >>> sorted(json.loads(stream.getvalue()))
        ['event', 'time']
    """

    def __init__(self, stream: LineStream) -> None:
        self._stream: LineStream | None = stream

    def write(self, **fields: str | int | float) -> None:
        """Writes one line.

        Args:
            **fields: Its fields; the time is added.
        """
        if self._stream is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        try:
            self._stream.write(json.dumps({"time": now, **fields}) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Whoever read the log has gone; that is no reason to stop answering.
            self._stream = None
