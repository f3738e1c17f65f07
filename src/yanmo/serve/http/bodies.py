"""Request bodies: read while they arrive in time, unpacked, and never more of them in memory than is allowed."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import Receive

from .errors import RefusalError

__all__ = ["CLOSE", "Bodies", "ClientGoneError"]

CLOSE = {"Connection": "close"}
"""Headers of a refusal after which the rest of the request cannot be told from the next one."""
# Bodies in memory at a time, in bodies of the largest size.
_BODIES = 32
# Seconds that a client which is still sending a refused body is listened to, or it would never read the answer.
_LINGER = 2.0
# What zlib is told so that it reads gzip's header and no other.
_GZIP = 16 + zlib.MAX_WBITS


class ClientGoneError(Exception):
    """The client has closed the connection."""


class Bodies:
    """The bodies of all requests.

    Args:
        max_bytes: Bytes of one body, packed or not.
        timeout: Seconds in which it must have arrived.
    """

    def __init__(self, *, max_bytes: int, timeout: float) -> None:
        self.max_bytes = max_bytes
        self.timeout = timeout
        self._n_held = 0

    @asynccontextmanager
    async def read(self, receive: Receive, headers: Headers) -> AsyncIterator[bytes]:
        """Reads one body, and counts it as long as the block lasts.

        Args:
            receive: Where its parts come from.
            headers: What the request says of it.

        Yields:
            The body, unpacked.

        Raises:
            RefusalError: It is too large, too slow, packed in a way that is not known or not what it says it is, or
                too many others are in memory.
            ClientGoneError: The client did not send it to its end.
        """
        unpacking = _unpacking(headers)
        chunks: list[bytes] = []
        try:
            try:
                await asyncio.wait_for(self._read(receive, headers, unpacking, chunks), self.timeout)
            except asyncio.TimeoutError:
                message = f"the body did not arrive within {self.timeout:g} s"
                fix = "send it faster, or in smaller parts"
                raise RefusalError(HTTPStatus.REQUEST_TIMEOUT, message, fix=fix, headers=CLOSE) from None
            if unpacking is not None and not unpacking.eof:
                raise _damaged()
            yield b"".join(chunks)
        finally:
            self._n_held -= sum(map(len, chunks))

    async def _read(
        self, receive: Receive, headers: Headers, unpacking: "zlib._Decompress | None", chunks: list[bytes]
    ) -> None:
        limit, n_read = self.max_bytes, 0
        announced = headers.get("content-length", "0")
        is_over = announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit)
        has_more = True
        while has_more and not is_over:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            chunk = message.get("body", b"")
            if unpacking is not None:
                chunk = _unpack(unpacking, chunk, at_most=limit + 1 - n_read)
            n_read += len(chunk)
            is_over = n_read > limit
            if self._n_held + len(chunk) > _BODIES * limit:
                fix = "try again in 1 s"
                again = {**CLOSE, "Retry-After": "1"}
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
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message_, fix=fix, headers=CLOSE)


def _unpacking(headers: Headers) -> "zlib._Decompress | None":
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip"):
        return zlib.decompressobj(_GZIP)
    raise RefusalError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "the Content-Encoding of the body is not known",
        fix="send it as it is, or packed with gzip",
        headers={"Accept-Encoding": "gzip", **CLOSE},
    )


def _unpack(unpacking: "zlib._Decompress", chunk: bytes, *, at_most: int) -> bytes:
    try:
        unpacked = unpacking.decompress(chunk, at_most)
    except zlib.error as error:
        raise _damaged() from error
    # Whatever follows the end would be lost without a word.
    if unpacking.unused_data:
        raise _damaged()
    return unpacked


def _damaged() -> RefusalError:
    message = "the body is not one whole gzip stream, though its Content-Encoding says so"
    return RefusalError(HTTPStatus.BAD_REQUEST, message, fix="pack it anew, or send it as it is", headers=CLOSE)


async def _pass_over(receive: Receive, n_bytes: int) -> None:
    """Lets so many bytes of a body go by; a connection that is closed while they come takes the answer with it."""
    while n_bytes > 0:
        message = await receive()
        n_bytes -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return
