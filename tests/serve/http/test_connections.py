import asyncio
from contextlib import ExitStack

import pytest

uvicorn = pytest.importorskip("uvicorn")

from yanmo.serve.http.connections import limited_protocol  # noqa: E402 - uvicorn is an extra

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def _app(scope, receive, send):
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _with_server(talk, **limits):
    async def run():
        config = uvicorn.Config(
            _app,
            http=limited_protocol(**limits),
            lifespan="off",
            ws="none",
            log_config=None,
            port=0,
            timeout_keep_alive=30,
        )
        server = uvicorn.Server(config)
        with ExitStack() as stack:
            stack.callback(setattr, server, "should_exit", True)
            # Signals are for the main thread of a service.
            serving = asyncio.ensure_future(server._serve())
            while not server.started:
                await asyncio.sleep(0.005)
            port = server.servers[0].sockets[0].getsockname()[1]
            result = await asyncio.wait_for(talk(lambda: asyncio.open_connection("127.0.0.1", port)), 10)
        await asyncio.wait_for(serving, 10)
        return result

    return asyncio.run(run())


async def _is_closed(reader, within):
    try:
        return await asyncio.wait_for(reader.read(100), within) == b""
    except ConnectionError:
        return True
    except asyncio.TimeoutError:
        return False


async def _ask(reader, writer, request=WHOLE):
    writer.write(request)
    return int((await reader.readuntil(b"\r\n\r\n")).split()[1])


@pytest.mark.parametrize(
    "sent", [b"", b"G", WHOLE[:-2], WHOLE + b"GET /", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n1"]
)
def test_a_request_that_does_not_come_to_an_end_is_given_up(sent):
    async def talk(connect):
        reader, writer = await connect()
        writer.write(sent)
        if sent.startswith((WHOLE, b"POST")):
            await reader.readuntil(b"\r\n\r\n")

        async def trickle():
            # Byte by byte is no faster.
            while True:
                await asyncio.sleep(0.05)
                writer.write(b"x")

        trickling = asyncio.ensure_future(trickle())
        closed = await _is_closed(reader, 2.0)
        trickling.cancel()
        writer.close()
        return closed

    assert _with_server(talk, head_timeout=0.2, max_connections=100)


def test_whoever_asks_and_rests_is_left_alone():
    async def talk(connect):
        reader, writer = await connect()
        statuses = [await _ask(reader, writer)]
        await asyncio.sleep(0.4)  # twice the time for headers
        statuses.append(await _ask(reader, writer))
        statuses.append(await _ask(reader, writer, WHOLE.replace(b"/ ", b"/slow ")))
        writer.close()
        return statuses

    assert _with_server(talk, head_timeout=0.2, max_connections=100) == [204] * 3


def test_beyond_the_limit_the_longest_idle_makes_room():
    async def talk(connect):
        busy = await connect()
        answer = asyncio.ensure_future(_ask(*busy, WHOLE.replace(b"/ ", b"/slow ")))
        await asyncio.sleep(0.1)
        idle = [await connect() for _ in range(8)]
        for _, writer in idle:
            writer.write(b"GET")
        await asyncio.sleep(0.1)
        new = await connect()
        status = await _ask(*new)
        closed = [await _is_closed(reader, 0.05) for reader, _ in idle]
        done = await answer
        for _, writer in (busy, new, *idle):
            writer.close()
        return status, closed, done

    # Four at a time: the busy one, the new one, and the two that came last of the idle ones.
    assert _with_server(talk, head_timeout=30.0, max_connections=4) == (204, [True] * 6 + [False] * 2, 204)
