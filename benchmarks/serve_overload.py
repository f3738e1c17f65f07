"""The HTTP service with more clients than it can serve: what it answers of what its engine could, and how.

    python benchmarks/serve_overload.py [--clients 10 40 200] [--seconds 15] [--rate 8000]

The engine is a stand-in that sleeps over every token, so that the offline rate is known exactly and the machine does
nothing else; every load is run at that rate and at a quarter of it. Requests hold eight pairs of drawn texts; clients
come back when they are told to. Throughput leaves out the first ten seconds.
"""

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

RESULT = Path(__file__).parent / "results" / "serve_overload.json"
CLIENTS = Path(__file__).with_name("serve_clients.py")
# By then the queue is as long as it will be, and as much is answered as is begun.
ARRIVAL = 10.0


class SleepingEngine:
    """Takes its time over every token."""

    def __init__(self, rate: float, scored: "multiprocessing.sharedctypes.Synchronized[int]") -> None:
        self.rate = rate
        self.scored = scored

    def logits(self, pairs, _task_indices):
        """Sleeps, and gives zeros."""
        import numpy as np

        n_tokens = sum(map(len, pairs))
        time.sleep(n_tokens / self.rate)
        self.scored.value += n_tokens
        return np.zeros(len(pairs), dtype=np.float32)

    def save(self, folder):
        """Has nothing to save."""


def serve(address, rate: float, scored) -> None:
    """Runs the service in a process of its own."""
    from yanmo.match.named_matcher import open_matcher
    from yanmo.serve.http.app import build_app
    from yanmo.serve.http.log import RequestLog
    from yanmo.serve.http.server import bind, run_service, url_of
    from yanmo.serve.http.settings import ServiceSettings

    matcher = open_matcher("default", n_threads=1)
    matcher.engine = SleepingEngine(rate, scored)
    settings = ServiceSettings()
    bound = bind("127.0.0.1", 0)
    with Path(os.devnull).open("w") as nowhere:
        app = build_app(matcher, model_name="asleep", log=RequestLog(nowhere), settings=settings)
        run_service(app, bound, timeout=settings.timeout, on_listening=lambda: address.send(url_of(bound)))


def main() -> None:
    """Runs every load and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 40, 200])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=8000.0)
    arguments = parser.parse_args()
    loads = [
        _under_load(n, rate, arguments.seconds)
        for rate in (arguments.rate, arguments.rate / 4)
        for n in arguments.clients
    ]
    result = {
        "machine": describe_machine("yanmo"),
        "seconds": arguments.seconds,
        "pairs_per_request": 8,
        "loads": loads,
    }
    text = json.dumps(result, ensure_ascii=False, indent=2) + "\n"
    RESULT.write_text(text, encoding="utf-8")
    print(text)


def _under_load(n_clients: int, rate: float, seconds: float) -> dict[str, object]:
    context = multiprocessing.get_context("spawn")
    address, theirs = context.Pipe()
    scored = context.Value("q", 0)
    service = context.Process(target=serve, args=(theirs, rate, scored))
    service.start()
    try:
        url = address.recv()
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as pairs:
            n_tokens = _write_pairs(pairs)
            words = ["--task", "ssA", "--clients", n_clients, "--seconds", seconds, "--pairs-per-request", 8]
            run = [sys.executable, CLIENTS, url, pairs.name, *words]
            answers = json.loads(subprocess.run(list(map(str, run)), capture_output=True, check=True).stdout)["answers"]
    finally:
        service.terminate()
        service.join(60)
    statuses = [status for _, status, _ in answers]
    settled = sum(status == 200 and ARRIVAL < at < seconds for at, status, _ in answers)
    return {
        "clients": n_clients,
        "tokens_per_second": rate,
        "statuses": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        "share_of_offline": round(settled * 8 * n_tokens / (seconds - ARRIVAL) / rate, 3),
        "share_of_work_answered": round(statuses.count(200) * 8 * n_tokens / scored.value, 3),
        "slowest_answer": round(max((took for _, status, took in answers if status == 200), default=0.0), 1),
    }


def _write_pairs(file) -> float:
    """Writes drawn pairs of 20 to 240 characters, and gives the tokens of one on average."""
    from yanmo.match.named_matcher import open_matcher

    drawn = random.Random(0)
    texts = ["".join(chr(drawn.randint(0x4E00, 0x5E00)) for _ in range(drawn.randint(10, 120))) for _ in range(800)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    for source, target in pairs:
        file.write(json.dumps({"source": source, "target": target}) + "\n")
    file.flush()
    rows = open_matcher("default", n_threads=1).rows(pairs, tasks=["ssA"]).rows
    return sum(map(len, rows)) / len(rows)


if __name__ == "__main__":
    main()
