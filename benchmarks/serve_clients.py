"""Clients of a running service, one connection each, as many requests as it answers; used by ``serve.py``.

    python benchmarks/serve_clients.py URL PAIRS.jsonl --task ssA --clients 200 --seconds 60 --pairs 1

Prints one JSON object: of every answer the second it came in, its status, its latency and its pairs.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Runs the clients and prints what they saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--task", default="ssA")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pairs-per-request", type=int, default=1)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.pairs.read_text(encoding="utf-8").splitlines()]
    pairs = [{"text0": row["source"], "text1": row["target"]} for row in rows]
    n = arguments.pairs_per_request
    address = urlsplit(arguments.url)
    requests = [_request(pairs[i : i + n], arguments.task, address.netloc) for i in range(0, len(pairs) - n + 1, n)]
    seen = asyncio.run(_all(address.hostname, address.port, requests, arguments.clients, arguments.seconds))
    print(json.dumps({"answers": seen, "pairs_per_request": n}))


def _request(pairs: list[dict[str, str]], task: str, host: str) -> bytes:
    body = json.dumps({"pairs": pairs, "tasks": [task]}, ensure_ascii=False).encode()
    head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def _all(host: str, port: int, requests: list[bytes], n_clients: int, seconds: float) -> list[list[float]]:
    began = time.monotonic()
    seen: list[list[float]] = []
    waiting = itertools.cycle(requests)
    await asyncio.gather(*(_client(host, port, waiting, began, seconds, seen) for _ in range(n_clients)))
    return seen


async def _client(
    host: str, port: int, requests: Iterator[bytes], began: float, seconds: float, seen: list[list[float]]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while time.monotonic() - began < seconds:
        sent = time.monotonic()
        try:
            writer.write(next(requests))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            await reader.readexactly(int(fields["content-length"]))
            status = int(head[0].split()[1])
        except (OSError, asyncio.IncompleteReadError):
            # No answer at all: the connection broke.
            status, fields = 0, {}
        now = time.monotonic()
        seen.append([now - began, status, now - sent])
        if status == 0:
            reader, writer = await asyncio.open_connection(host, port)
        elif status == 429:
            left = seconds - (time.monotonic() - began)
            await asyncio.sleep(max(0.0, min(left, float(fields.get("retry-after", 1)))))
    writer.close()


if __name__ == "__main__":
    main()
