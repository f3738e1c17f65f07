"""What every request passes before it reaches its route: key, size, time limit, and the wish of its client to stay."""

import asyncio
import hmac
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import RefusalError
from .log import RequestLog
from .metrics import ServiceMetrics
from .settings import ServiceSettings

__all__ = ["Exchange", "Gate", "exchange_of"]

_KEY = "yanmo.exchange"
_CLOSE = {"Connection": "close"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Bodies in memory at a time, in bodies of the largest size.
_BODIES = 32
# Seconds that a client which is still sending a refused body is listened to, or it would never read the answer.
_LINGER = 2.0
_CLIENT_GONE = 499
"""What other servers log for a client that did not wait; nothing is sent."""


@dataclass
class Exchange:
    """What the log tells of one request.

    Attributes:
        status: HTTP status of the answer.
        n_pairs: Pairs it asked about.
        n_tokens: Tokens scored for it.
    """

    status: int = 0
    n_pairs: int = 0
    n_tokens: int = 0


def exchange_of(request: Request) -> Exchange:
    """Gives a route the place to note what it did."""
    found: Exchange = request.scope[_KEY]
    return found


class _ClientGoneError(Exception):
    """The client has closed the connection."""


class Gate:
    """ASGI middleware around the whole service.

    Args:
        app: What is behind it.
        settings: The limits.
        api_key: The key that callers must send, if any.
        routes: Paths that exist; others are logged as one.
        open_routes: Paths that need no key.
        metrics: Told of every request.
        log: Told of every request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServiceSettings,
        api_key: bytes | None,
        routes: Collection[str],
        open_routes: Collection[str],
        metrics: ServiceMetrics,
        log: RequestLog,
    ) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.log = log
        self._expected = None if api_key is None else b"Bearer " + api_key
        self._routes = frozenset(routes)
        self._open_routes = frozenset(open_routes)
        self._n_held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = scope[_KEY] = Exchange()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            await send(message)

        try:
            try:
                await self._serve(scope, receive, noted, exchange)
            except RefusalError as refusal:
                await refusal.response()(scope, receive, noted)
            except _ClientGoneError:
                exchange.status = _CLIENT_GONE
        finally:
            seconds = time.perf_counter() - began
            # Only from fixed sets: both come from the caller, and either could be a text.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = scope["path"] if scope["path"] in self._routes else "other"
            status = exchange.status or int(HTTPStatus.INTERNAL_SERVER_ERROR)
            self.metrics.saw_request(
                method=method, route=route, status=status, seconds=seconds, n_pairs=exchange.n_pairs
            )
            self.log.write(
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                pairs=exchange.n_pairs,
                tokens=exchange.n_tokens,
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        headers = Headers(scope=scope)
        self._check_key(scope["path"], headers)
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        _check_type(headers)
        deadline = time.monotonic() + self.settings.timeout
        chunks: list[bytes] = []
        try:
            try:
                await asyncio.wait_for(self._read(receive, headers, chunks), self.settings.timeout)
            except asyncio.TimeoutError:
                message = f"the body did not arrive within {self.settings.timeout:g} s"
                fix = "send it faster, or in smaller parts"
                raise RefusalError(HTTPStatus.REQUEST_TIMEOUT, message, fix=fix, headers=_CLOSE) from None
            await self._run(scope, _replay(b"".join(chunks)), receive, send, exchange, deadline)
        finally:
            self._n_held -= sum(map(len, chunks))

    def _check_key(self, path: str, headers: Headers) -> None:
        if self._expected is None or path in self._open_routes:
            return
        given = headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._expected):
            raise RefusalError(
                HTTPStatus.UNAUTHORIZED,
                "the key is wrong" if given else "a key is needed",
                fix="send the header Authorization: Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )

    async def _read(self, receive: Receive, headers: Headers, chunks: list[bytes]) -> None:
        """Reads the body into ``chunks``, as long as it is not too large."""
        limit, n_read = self.settings.max_body_bytes, 0
        announced = headers.get("content-length", "0")
        is_over = announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit)
        has_more = True
        while has_more and not is_over:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            chunk = message.get("body", b"")
            n_read += len(chunk)
            is_over = n_read > limit
            if self._n_held + len(chunk) > _BODIES * limit:
                fix = "try again in 1 s"
                again = {**_CLOSE, "Retry-After": "1"}
                raise RefusalError(HTTPStatus.TOO_MANY_REQUESTS, "too many bodies are arriving", fix=fix, headers=again)
            chunks.append(chunk)
            self._n_held += len(chunk)
            has_more = message.get("more_body", False)
        if is_over:
            message_ = f"the body has more than {limit:,} bytes"
            fix = "send it in smaller parts, or raise --max-body-mb"
            # One that asked for leave to send has sent nothing yet.
            if has_more and "expect" not in headers:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_pass_over(receive, _BODIES * limit), _LINGER)
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message_, fix=fix, headers=_CLOSE)

    async def _run(
        self, scope: Scope, body: Receive, receive: Receive, send: Send, exchange: Exchange, deadline: float
    ) -> None:
        """Runs the route until it has answered, the client is gone, or the time is up."""
        work = asyncio.ensure_future(self.app(scope, body, send))
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({work, gone}, timeout=deadline - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                # What it has waiting in the queue is dropped on its way out.
                await asyncio.wait({work})
                if gone.done():
                    raise _ClientGoneError
                if not exchange.status:
                    message = f"the answer was not ready within {self.settings.timeout:g} s"
                    fix = "send fewer or shorter pairs at a time, or raise --timeout"
                    raise RefusalError(HTTPStatus.GATEWAY_TIMEOUT, message, fix=fix)
            if not work.cancelled():
                work.result()
        finally:
            work.cancel()
            gone.cancel()


async def _pass_over(receive: Receive, n_bytes: int) -> None:
    """Lets so many bytes of a body go by; a connection that is closed while they come takes the answer with it."""
    while n_bytes > 0:
        message = await receive()
        n_bytes -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _check_type(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A page of another site may post anything but JSON without asking; so only JSON is taken.
        raise RefusalError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON and be called so",
            fix="send the header Content-Type: application/json",
        )


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
