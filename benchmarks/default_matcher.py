"""The bundled matcher on one core: milliseconds for one pair, and from a cold start to the first answer.

    python benchmarks/default_matcher.py DATA [--replaced FOLDER]

One pair at a time, one thread, tokenizing included: a short pair of two sentences under one standard and under all, and
ssA validation pairs as they come. FOLDER is the matcher that the bundled one took the place of, timed in turns with it.
The cold start is the whole process of ``yanmo match`` with two standards asked for. Prints timings: run it on an idle
machine.
"""

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from machine import describe_machine
from turns import spread

from yanmo import Matcher
from yanmo.data import TaskSet, read_split

RESULT = Path(__file__).parent / "results" / "default_matcher.json"
SHORT = ("巴塞罗那昨晚主场三比零取胜", "巴萨昨夜在主场3:0赢球")
N_PAIRS, N_STARTS, N_TURNS = 100, 7, 7


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--replaced", type=Path)
    arguments = parser.parse_args()
    matcher = Matcher.default(n_threads=1)
    rows = read_split(arguments.data, TaskSet.load("sohu").subset(["ssA"]), "valid")["ssA"][:N_PAIRS]
    pairs = [(pair.text0, pair.text1) for pair in rows]
    one, every = "short pair, one standard", f"short pair, all {len(matcher.matching.task_set.tasks)} standards"
    ways: dict[str, Callable[[], object]] = {
        one: lambda: [matcher.score([SHORT], task="ssA") for _ in range(20)],
        every: lambda: matcher.score_all([SHORT]),
        f"ssA pair ({sum(len(a) + len(b) for a, b in pairs) / N_PAIRS:.0f} characters), one standard": lambda: [
            matcher.score([pair], task="ssA") for pair in pairs
        ],
    }
    n_pairs = {one: 20, every: 1}
    if arguments.replaced is not None:
        before = Matcher.from_pretrained(arguments.replaced, n_threads=1)
        ways[f"{one}, the matcher before"] = lambda: [before.score([SHORT], task="ssA") for _ in range(20)]
        n_pairs[f"{one}, the matcher before"] = 20
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(N_TURNS + 1):
        for name, work in ways.items():
            began = time.perf_counter()
            work()
            if turn:  # the first one warms up
                taken[name].append(1000 * (time.perf_counter() - began) / n_pairs.get(name, N_PAIRS))
    command = [shutil.which("yanmo") or "yanmo", "match", *SHORT, "--task", "ssA,ssB"]
    starts = []
    for _ in range(N_STARTS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        starts.append(time.perf_counter() - began)
    ratios = {f"{every}, in times of one": [b / a for a, b in zip(taken[one], taken[every], strict=True)]}
    if arguments.replaced is not None:
        earlier = taken[f"{one}, the matcher before"]
        ratios["one standard, in times of the matcher before"] = [
            b / a for a, b in zip(earlier, taken[one], strict=True)
        ]
    result = {
        "machine": describe_machine("onnxruntime", "numpy"),
        "threads": 1,
        "milliseconds_for_one_pair": {name: spread(values) for name, values in taken.items()},
        "ratios": {name: spread(values) for name, values in ratios.items()},
        "seconds_of_yanmo_match_from_a_cold_start": {"median": median(starts), "worst": max(starts)},
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
