"""The HTTP service under load: throughput beside offline scoring, latency, statuses, memory.

    python benchmarks/serve.py PAIRS.jsonl [--model default] [--task ssA] [--clients 200] [--seconds 60]

PAIRS is a Sohu file (source, target). In one run: offline `Matcher.score` on the same pairs, then the service with its
default settings under the clients (a process of their own), then offline again; the machine must have nothing else to
do. Throughput and latency leave out the first three seconds, in which the clients arrive.
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from machine import describe_machine

from yanmo.match.named_matcher import open_matcher

RESULT = Path(__file__).parent / "results" / "serve.json"
CLIENTS = Path(__file__).with_name("serve_clients.py")
START = "from yanmo.serve.cli import main; main()"
ARRIVAL = 3.0


def main() -> None:
    """Runs the service under load and writes what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--task", default="ssA")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pairs-per-request", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.pairs.read_text(encoding="utf-8").splitlines()]
    pairs = [(row["source"], row["target"]) for row in rows]
    matcher = open_matcher(arguments.model, n_threads=arguments.threads)

    def offline() -> float:
        began = time.monotonic()
        matcher.score(pairs, task=arguments.task)
        return len(pairs) / (time.monotonic() - began)

    offline()  # the first call is slower
    loads = []
    before = offline()
    for n in arguments.pairs_per_request:
        load = _under_load(arguments, n)
        after = offline()
        load["offline_pairs_per_second"] = {"before": round(before, 1), "after": round(after, 1)}
        load["share_of_offline"] = round(load["pairs_per_second"] / statistics.mean([before, after]), 3)
        loads.append(load)
        before = after
    result = {
        "machine": describe_machine("fastapi", "uvicorn", "onnxruntime", "tokenizers"),
        "model": Path(arguments.model).name,
        "task": arguments.task,
        "pairs": len(pairs),
        "clients": arguments.clients,
        "seconds": arguments.seconds,
        "loads": loads,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _under_load(arguments: argparse.Namespace, n_pairs: int) -> dict[str, object]:
    threads = [] if arguments.threads is None else ["--threads", str(arguments.threads)]
    command = [sys.executable, "-c", START, "serve", arguments.model, "--port", "0", *threads]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = json.loads(service.stdout.readline())["url"]
        # Its log would fill the pipe and stop it.
        drain = subprocess.Popen(["cat"], stdin=service.stdout, stdout=subprocess.DEVNULL)
        options = {"task": arguments.task, "clients": arguments.clients, "seconds": arguments.seconds}
        options["pairs-per-request"] = n_pairs
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        clients = subprocess.Popen(
            [sys.executable, CLIENTS, url, str(arguments.pairs), *words], stdout=subprocess.PIPE, text=True
        )
        seen: list[tuple[float, int]] = []
        began = time.monotonic()
        process = psutil.Process(service.pid)
        while time.monotonic() - began < arguments.seconds:
            seen.append((time.monotonic() - began, process.memory_info().rss))
            time.sleep(0.5)
        answers = json.loads(clients.communicate()[0])["answers"]
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(60)
    drain.wait(10)
    settled = [(at, latency) for at, status, latency in answers if status == 200 and ARRIVAL < at < arguments.seconds]
    # Growth over the last 30 s (or half of a shorter run), each end a median of five readings.
    tail = [rss for at, rss in seen if at > arguments.seconds - min(30.0, arguments.seconds / 2)]
    first, last = statistics.median(tail[:5]), statistics.median(tail[-5:])
    statuses = [status for _, status, _ in answers]
    return {
        "pairs_per_request": n_pairs,
        "statuses": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        "pairs_per_second": round(len(settled) * n_pairs / (arguments.seconds - ARRIVAL), 1),
        "latency_ms": {f"p{q}": round(1000 * float(np.percentile([s for _, s in settled], q))) for q in (50, 90, 99)},
        "rss_mib": [round(rss / 2**20, 1) for _, rss in seen[:: max(1, len(seen) // 12)]],
        "rss_growth_at_the_end": round(last / first - 1, 4),
        "exit_code": code,
    }


if __name__ == "__main__":
    main()
