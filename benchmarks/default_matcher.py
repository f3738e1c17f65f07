"""The bundled matcher on one core: milliseconds for one pair, and from a cold start to the first answer.

    python benchmarks/default_matcher.py DATA

One pair at a time, one thread, tokenizing included: a short pair of two sentences, and ssA validation pairs as they
come. The cold start is the whole process of ``yanmo match``. Prints timings: run it on an idle machine.
"""

import argparse
import json
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median

from machine import describe_machine

from yanmo import Matcher
from yanmo.data import TaskSet, read_split

RESULT = Path(__file__).parent / "results" / "default_matcher.json"
SHORT = ("巴塞罗那昨晚主场三比零取胜", "巴萨昨夜在主场3:0赢球")
N_PAIRS, N_STARTS = 100, 7


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    matcher = Matcher.default(n_threads=1)
    rows = read_split(arguments.data, TaskSet.load("sohu").subset(["ssA"]), "valid")["ssA"][:N_PAIRS]
    pairs = [(pair.text0, pair.text1) for pair in rows]
    matcher.score(pairs[:5], task="ssA")
    command = [shutil.which("yanmo") or "yanmo", "match", *SHORT]
    starts = []
    for _ in range(N_STARTS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        starts.append(time.perf_counter() - began)
    result = {
        "machine": describe_machine("onnxruntime", "numpy"),
        "threads": 1,
        "milliseconds_for_one_pair": {
            "short pair (24 characters), one task": _milliseconds(matcher, [SHORT] * N_PAIRS),
            f"{N_PAIRS} ssA pairs ({sum(len(a) + len(b) for a, b in pairs) / N_PAIRS:.0f} characters), one task": (
                _milliseconds(matcher, pairs)
            ),
        },
        "seconds_of_yanmo_match_from_a_cold_start": {"median": median(starts), "worst": max(starts)},
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _milliseconds(matcher: Matcher, pairs: list[tuple[str, str]]) -> dict[str, float]:
    taken = []
    for pair in pairs:
        began = time.perf_counter()
        matcher.score([pair], task="ssA")
        taken.append(1000 * (time.perf_counter() - began))
    return {"median": median(taken), "mean": sum(taken) / len(taken)}


if __name__ == "__main__":
    main()
