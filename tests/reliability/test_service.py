"""The service as a process: bytes that are no request, and more clients than it can answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

CLIENTS = Path(__file__).parents[2] / "benchmarks" / "serve_clients.py"
BODY = json.dumps({"pairs": [{"text0": "今天", "text1": "天气"}], "tasks": ["strict"]}).encode()
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def _post(body=BODY, *more, path=b"/v1/score", kind=b"application/json", length=None):
    length = b"%d" % len(body) if length is None else length
    fields = [b"Host: 127.0.0.1", b"Content-Type: " + kind, b"Content-Length: " + length, b"Connection: close", *more]
    return b"POST " + path + b" HTTP/1.1\r\n" + b"\r\n".join(fields) + b"\r\n\r\n" + body


def _chunked(size, body=BODY):
    head = _post(b"", b"Transfer-Encoding: chunked", length=b"").replace(b"Content-Length: \r\n", b"")
    return head + size + b"\r\n" + body + b"\r\n0\r\n\r\n"


def _get(path):
    return GET.replace(b"/healthz", path)


HOSTILE = [
    *(b"", b"\r\n", b"\0" * 100, bytes(range(256)), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500),
    *(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        GET.replace(b"1.1", b"9.9"),
        GET.replace(b"\r\n", b"\n"),
    ),
    *(
        GET.replace(b"Host: 127.0.0.1\r\n", host)
        for host in (b"", b"Host: a\r\nHost: b\r\n", b"Host: evil.example\r\n")
    ),
    *(GET.replace(b"GET", way) for way in (b"TRACE", b"CONNECT", b"FOO", b"get", b"G\xc3\x84T", b"")),
    *(
        _get(path)
        for path in (b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"//etc/passwd", b"/%00", b"/%ff%fe")
    ),
    *(
        _get(path)
        for path in (b"/\xff\xfe", b"http://evil/healthz", b"/" + b"a" * 1_000_000, b"/healthz?" + b"a" * 60_000)
    ),
    *(
        GET.replace(b"\r\n\r\n", more + b"\r\n\r\n")
        for more in (b"\r\nX: a\0b", b"\r\nX: a\r\n b", b"\r\nX : a", b"\r\n: a")
    ),
    GET.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"),
    GET.replace(b"\r\n\r\n", b"".join(b"\r\nX%d: a" % i for i in range(10_000)) + b"\r\n\r\n"),
    GET.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    *(_post(length=length) for length in (b"10000", b"5", b"-1", b"+5", b"0x5", b"9" * 30, b"9000000", b"1, 1")),
    *(_post(BODY, more) for more in (b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip")),
    *(_post(BODY, more) for more in (b"Expect: 100-continue", b"Expect: 200-ok", b"Content-Encoding: gzip")),
    *(_chunked(size) for size in (b"zz", b"f" * 16, b"-1", b"%x" % len(BODY), b"%x;ext=1" % len(BODY))),
    *(_post(body) for body in (b"[" * 300_000, b'{"pairs":' + b"1" * 5000 + b"}", b'{"a":' * 100_000, BODY[:-3])),
    *(_post(BODY.decode().encode(encoding)) for encoding in ("utf-16", "utf-8-sig")),
    *(_post(kind=kind) for kind in (b"text/plain", b"application/json; charset=gbk", b"\xff")),
    _post(BODY) * 20,
    GET.replace(b"Connection: close\r\n", b"") * 500,
]


# Seconds without a byte after which a connection counts as left open; far more than the service's own limits, for a
# machine that has other work.
_LONGEST = 60


def _answer(port, sent, patience=0.3):
    """Sends bytes, stops sending once nothing more comes, and gives all that came; None if nothing comes any more."""
    received, deadline = b"", time.monotonic() + _LONGEST
    with closing(socket.create_connection(("127.0.0.1", port), timeout=_LONGEST)) as connection:
        connection.settimeout(patience)
        try:
            connection.sendall(sent)
            while time.monotonic() < deadline:
                try:
                    block = connection.recv(1 << 16)
                except TimeoutError:
                    connection.shutdown(socket.SHUT_WR)
                    continue
                if not block:
                    return received
                received += block
                deadline = time.monotonic() + _LONGEST
        except OSError:  # closed while it was still being sent
            return received
    return None


def _flaw(port, sent):
    received = _answer(port, sent)
    if received is None:
        return "the connection stays open"
    if received and not received.startswith(b"HTTP/1.1 "):
        return f"is answered by {received[:80]!r}"
    statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
    failures = [status for status in statuses if status >= 500 and status != 501]
    return f"is answered by {failures}" if failures else None


def _mutated(sent, draw):
    for _ in range(draw.choice([1, 1, 2, 4])):
        at = draw.randrange(len(sent))
        way = draw.randrange(5)
        if way == 0:
            sent = sent[:at] + bytes([sent[at] ^ 1 << draw.randrange(8)]) + sent[at + 1 :]
        elif way == 1:
            sent = sent[: at + 1]
        elif way == 2:
            sent = sent[:at] + draw.choice([b"\r\n", b"\n", b"\0", b" ", b":", b'"', b"\xff", b"\r\n\r\n"]) + sent[at:]
        elif way == 3:
            sent = sent[:at] + sent[at + draw.randrange(1, 30) :] or b"G"
        else:
            sent = sent[:at] + sent[at // 2 :]
    return sent


@pytest.fixture
def service(commands, inputs):
    """Starts the service with a model; gives its port and process, and ends it as systems do."""
    started = []

    def start(model):
        call = commands.start(["serve", model, "--port", "0", "--threads", "1"])
        started.append(call)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and call.process.is_alive():
            first = call.log.read_text().partition("\n")[0]
            if first.endswith("}"):
                return int(json.loads(first)["url"].rpartition(":")[2]), call
            time.sleep(0.02)
        raise AssertionError(f"does not start: {call.log.read_text()}")

    yield start
    for call in started:
        os.kill(call.process.pid, signal.SIGTERM)
        ended = call.end()
        assert ended.code == 0, ended
        assert "Traceback" not in ended.said
        assert "今" not in ended.said


def _open_files(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def test_bytes_that_are_no_request(service, inputs, tries, draw, tally):
    port, call = service(str(inputs / "graph"))
    assert _answer(port, GET).startswith(b"HTTP/1.1 200")
    assert _answer(port, _post(), patience=5).startswith(b"HTTP/1.1 200")
    before = _open_files(call.process)
    sent = [*HOSTILE, *(_mutated(draw.choice([GET, _post()]), draw) for _ in range(tries(60, 2000)))]
    with tally("hostile bytes, refused or answered") as count, ThreadPoolExecutor(8) as many:
        for each, flaw in zip(sent, many.map(lambda each: _flaw(port, each), sent), strict=True):
            count.add(flaw and f"{flaw}: {each[:200]!r}")
    assert _answer(port, _post(), patience=5).startswith(b"HTTP/1.1 200")
    deadline = time.monotonic() + 10
    while _open_files(call.process) > before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _open_files(call.process) <= before


def test_more_clients_than_it_can_answer(service, inputs, tries, tally):
    """Every one of them is answered or told to come again; no connection breaks, none waits in vain."""
    model, task = tries((str(inputs / "graph"), "strict"), ("default", "ssA"))
    port, _ = service(model)
    options = ["--task", task, "--clients", str(tries(40, 200)), "--seconds", str(tries(2, 60))]
    command = [sys.executable, str(CLIENTS), f"http://127.0.0.1:{port}", str(inputs / "few.jsonl"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=tries(2, 60) + 120, check=False)
    assert done.returncode == 0, done.stderr
    answers = Counter(int(status) for _, status, _ in json.loads(done.stdout)["answers"])
    with tally("requests of many clients, answered or told to come again") as count:
        for status, n in answers.items():
            for _ in range(n):
                count.add(None if status in (200, 429) else f"status {status}")
    assert answers[200] > 0
