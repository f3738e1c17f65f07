"""What every request passes before it reaches its route: name, key, size, time limit, and a client that stays."""

import asyncio
import hmac
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .bodies import CLOSE, Bodies, ClientGoneError
from .errors import RefusalError, queue_full
from .hosts import is_expected_host
from .log import RequestLog
from .metrics import ServiceMetrics
from .queue.batcher import QueueFullError
from .settings import ServiceSettings

__all__ = ["Entrance", "Exchange", "exchange_of"]

_KEY = "yanmo.exchange"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Only for the time at which a client is told to come back.
_BYTES_A_TOKEN, _LARGE = 8, 1 << 16
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


class Entrance:
    """ASGI middleware around the whole service.

    Args:
        app: What is behind it.
        settings: The limits.
        model_name: What the header ``Yanmo-Model`` of every answer says, percent-encoded.
        api_key: The key that callers must send, if any.
        routes: Paths that exist; others are logged as one.
        open_routes: Paths that need no key.
        refuse_if_full: Told the tokens that a request may bring; raises ``QueueFullError`` if there is no room for any.
        metrics: Told of every request.
        log: Told of every request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServiceSettings,
        model_name: str,
        api_key: bytes | None,
        routes: Collection[str],
        open_routes: Collection[str],
        refuse_if_full: Callable[[int], None],
        metrics: ServiceMetrics,
        log: RequestLog,
    ) -> None:
        self.app = app
        self.settings = settings
        self._refuse_if_full = refuse_if_full
        self.metrics = metrics
        self.log = log
        self._model = quote(model_name).encode("ascii")
        self._expected = api_key
        self._routes = frozenset(routes)
        self._open_routes = frozenset(open_routes)
        self._bodies = Bodies(max_bytes=settings.max_body_bytes, timeout=settings.timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        method, is_head = scope["method"], scope["method"] == "HEAD"
        exchange = Exchange()
        # HEAD is GET without its body, on every route alike.
        scope = {**scope, _KEY: exchange, "path": self._known(scope["path"]), "method": "GET" if is_head else method}

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                named = [*message["headers"], (b"yanmo-model", self._model)]
                message = {**message, "headers": named}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            try:
                await self._serve(scope, receive, noted, exchange)
            except RefusalError as refusal:
                await refusal.response()(scope, receive, noted)
            except ClientGoneError:
                exchange.status = _CLIENT_GONE
        finally:
            seconds = time.perf_counter() - began
            # Only from fixed sets: both come from the caller, and either could be a text.
            method = method if method in _METHODS else "other"
            path = getattr(scope.get("route"), "path_format", scope["path"])
            route = path if path in self._routes else "other"
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

    def _known(self, path: str) -> str:
        """Takes away a slash at the end that only clients which join addresses carelessly send."""
        bare = path.rstrip("/")
        return bare if path not in self._routes and bare in self._routes else path

    async def _serve(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        headers = Headers(scope=scope)
        _check_framing(headers)
        self._check_host(headers)
        self._check_key(scope["path"], headers)
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        _check_type(headers)
        deadline = time.monotonic() + self.settings.timeout
        async with self._bodies.read(receive, headers) as body:
            try:
                # All that takes a body scores; under overload no time is spent on what cannot be.
                self._refuse_if_full(min(len(body), _LARGE) // _BYTES_A_TOKEN)
            except QueueFullError as full:
                raise queue_full(full.seconds) from full
            await self._run(scope, _replay(body), receive, send, exchange, deadline)

    def _check_host(self, headers: Headers) -> None:
        names = self.settings.host_names
        if names is not None and not is_expected_host(headers.get("host", ""), names):
            raise RefusalError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the service is not known by the name in the Host header",
                fix="call it by its address, or name it with --host-name",
                headers=CLOSE,
            )

    def _check_key(self, path: str, headers: Headers) -> None:
        if self._expected is None or path in self._open_routes:
            return
        given = headers.get("authorization", "").encode("latin-1")
        # The name of the scheme may stand in any capitals (RFC 9110, section 11.1).
        scheme, _, key = given.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(key.strip(b" "), self._expected):
            raise RefusalError(
                HTTPStatus.UNAUTHORIZED,
                "the key is wrong" if given else "a key is needed",
                fix="send the header Authorization: Bearer KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )

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
                    raise ClientGoneError
                if not exchange.status:
                    message = f"the answer was not ready within {self.settings.timeout:g} s"
                    fix = "send fewer or shorter pairs at a time, or raise --timeout"
                    raise RefusalError(HTTPStatus.GATEWAY_TIMEOUT, message, fix=fix)
            if not work.cancelled():
                work.result()
        finally:
            work.cancel()
            gone.cancel()


def _check_framing(headers: Headers) -> None:
    if "content-length" in headers and "transfer-encoding" in headers:
        # Two programs may disagree where such a request ends, and take its rest for another (RFC 9112, section 6.3).
        raise RefusalError(
            HTTPStatus.BAD_REQUEST,
            "the request has both Content-Length and Transfer-Encoding",
            fix="send one of the two",
            headers=CLOSE,
        )


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
