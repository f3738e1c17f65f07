"""Bulk prediction: worker processes of one thread each, against one process with as many threads.

    python benchmarks/bulk.py DATA [--model default] [--pairs 1800] [--threads 2] [--repetitions 5]

DATA has the six Sohu tasks. Training pairs, of which there are more, as many of every task, are predicted by `yanmo
predict` as a user calls it: every time a new process, every way on the same cores. The ways take turns, in alternating
order. Rates leave out the time to start, which is told apart: that of the same call with hardly any pairs. All ways
must write the same bytes. Prints timings: run it on an idle machine.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median

from machine import describe_machine

RESULT = Path(__file__).parent / "results" / "bulk.json"
TASKS = ("ssA", "ssB", "slA", "slB", "llA", "llB")


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=int, default=1800)
    parser.add_argument("--threads", type=int, default=2, help="cores that every way may use")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    ways = {f"one process, {arguments.threads} threads": []}
    ways |= {f"{n} workers, 1 thread each": ["--workers", str(n)] for n in sorted({1, arguments.threads})}
    starting: dict[str, list[float]] = {name: [] for name in ways}
    whole: dict[str, list[float]] = {name: [] for name in ways}
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        n_few = _take(arguments.data, few, len(TASKS))
        n_many = _take(arguments.data, many, arguments.pairs)
        for turn in range(arguments.repetitions):
            for name, options in sorted(ways.items(), reverse=turn % 2 == 1):
                starting[name].append(_seconds(arguments, few, options)[0])
                seconds, digest = _seconds(arguments, many, options)
                whole[name].append(seconds)
                digests.add(digest)
                print(f"{name:28} {starting[name][-1]:6.2f} s to start, {seconds:7.2f} s in all", flush=True)
    rates = {
        name: [(n_many - n_few) / (all_ - start) for all_, start in zip(whole[name], starting[name], strict=True)]
        for name in ways
    }
    plain = rates[next(iter(ways))]
    result = {
        "machine": describe_machine("onnxruntime", "numpy", "tokenizers"),
        "cores_used": arguments.threads,
        "model": Path(arguments.model).name,
        "pairs": n_many,
        "repetitions": arguments.repetitions,
        "same_bytes": len(digests) == 1,
        "ways": {
            name: {
                "pairs_per_second": {"median": median(rate), "worst": min(rate), "best": max(rate)},
                "times_one_process": median(rate) / median(plain),
                "seconds_to_start": median(starting[name]),
            }
            for name, rate in rates.items()
        },
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _take(data: Path, folder: Path, n_pairs: int) -> int:
    """Copies so many training pairs, as many of each task; returns how many there were."""
    n_taken = 0
    for task in TASKS:
        (folder / task).mkdir(parents=True)
        with (data / task / "train.txt").open(encoding="utf-8") as source:
            lines = list(islice(source, n_pairs // len(TASKS)))
        (folder / task / "train.txt").write_text("".join(lines), encoding="utf-8")
        n_taken += len(lines)
    return n_taken


def _seconds(arguments: argparse.Namespace, data: Path, options: list[str]) -> tuple[float, str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "decisions.jsonl"
        program = [sys.executable, "-c", "from yanmo.serve.cli import main; main()"]
        command = [*program, "predict", arguments.model, str(data), "--split", "train", "-o", str(out), *options]
        cores = sorted(os.sched_getaffinity(0))[: arguments.threads]
        began = time.perf_counter()
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            env=os.environ | {"OMP_NUM_THREADS": str(arguments.threads)},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        return time.perf_counter() - began, hashlib.sha256(out.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
