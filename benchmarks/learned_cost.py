"""What learning a standard from 32 pairs takes, and what a score under it costs beside one of a trained standard.

    python benchmarks/learned_cost.py

Processor time of the bundled matcher on its own sample pairs of `question`, in turns, medians; the least takes out what
other work on the machine adds.
"""

import argparse
import json
import time
from importlib import resources
from pathlib import Path
from statistics import median

from machine import describe_machine

from yanmo import Matcher, learn_standard
from yanmo.data import TaskSet, read_split


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=64, help="pairs that are scored in one turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "learned_cost.json")
    given = parser.parse_args()
    sample = resources.files("yanmo.assets") / "sample"
    with resources.as_file(sample) as folder:
        found = read_split(folder, TaskSet.load("standards").subset(["question", "bank"]), "valid")
    rows = [pair for pairs in found.values() for pair in pairs]
    texts, labels = [(pair.text0, pair.text1) for pair in rows], [pair.label for pair in rows]
    matcher = Matcher.default(n_threads=given.threads)
    cpu, wall = time.process_time(), time.monotonic()
    learned = learn_standard(matcher, texts[:32], labels[:32], name="同问题")
    learning = {"processor seconds": time.process_time() - cpu, "seconds": time.monotonic() - wall}
    sources = learned.matching.learned["同问题"].sources
    taken: dict[str, list[float]] = {sources[0]: [], "同问题": []}
    chosen = (texts * (given.pairs // len(texts) + 1))[: given.pairs]
    for _ in range(given.turns):
        for task, seconds in taken.items():
            began = time.process_time()
            learned.logits(chosen, task=task)
            seconds.append(time.process_time() - began)
    trained, new = taken[sources[0]], taken["同问题"]
    result = {
        "machine": describe_machine("numpy", "onnxruntime"),
        "learning from 32 pairs": learning,
        "sources": list(sources),
        "score, learned to trained": {"median": median(new) / median(trained), "least": min(new) / min(trained)},
        "processor seconds": taken,
        "bytes added": len(learned.engine.heads["同问题"].model_dump_json()),  # type: ignore[attr-defined]
    }
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in result.items() if key != "machine"})


if __name__ == "__main__":
    main()
