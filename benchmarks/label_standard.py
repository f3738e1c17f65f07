"""Labels picked by `yanmo label` against labels at random, answered by the known labels: F1 on valid by their number.

    python benchmarks/label_standard.py BASE DATA --model LEFT_OUT --cache DIR

LEFT_OUT is a matcher trained without law, address, search, medical and paraphrase. Both ways draw from the same pool of
train pairs, learn with the same code after every ten answers and decide by the threshold of the highest F1 that is
expected on the pool; the seeds are of the pool's draw (picked) and of the order (random).
"""

import argparse
import json
from pathlib import Path

import numpy as np
from learn_features import Sample, SampleReadings, load_sample
from machine import describe_machine
from numpy.typing import NDArray

from yanmo.data import TaskSet
from yanmo.standard.expected_f1 import expected_f1_threshold
from yanmo.standard.label.pool import PoolReadings
from yanmo.standard.label.session import Labelling
from yanmo.standard.learn_head import learn_head


class KnownAnswers:
    """Answers in memory, in the place of a file."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.labels: list[int] = []

    def add(self, pair: tuple[str, str], label: int) -> None:
        """Keeps an answer."""
        self.pairs.append(pair)
        self.labels.append(label)


def f1_of(pool: Sample, rows: list[int], valid: Sample) -> float:
    """Learns from some pairs of the pool as `yanmo standard learn` does; F1 on valid, 0 where a kind is missing."""
    few = pool.take(np.array(rows))
    if min(few.labels.sum(), (~few.labels).sum()) < 2:
        return 0.0
    learned = learn_head(SampleReadings(few), few.labels, unlabelled=SampleReadings(pool))
    logits = learned.head.logits({name: valid.logits[:, i] for i, name in enumerate(valid.names)}, valid.vectors)
    threshold, _ = expected_f1_threshold(1 / (1 + np.exp(-learned.unlabelled)))
    yes = 1 / (1 + np.exp(-logits)) >= threshold
    return 2 * float((yes & valid.labels).sum()) / max(float(yes.sum() + valid.labels.sum()), 1.0)


def picked(pool: Sample, valid: Sample, *, n: int, size: int, seed: int) -> dict[int, float]:
    """F1 after every ten answers to what the labelling asks."""
    texts = [(str(i), "-") for i in range(len(pool.labels))]
    places: list[NDArray[np.int64]] = []

    def readings_of(pairs: list[tuple[str, str]]) -> PoolReadings:
        places.append(np.array([int(a) for a, _ in pairs]))
        return PoolReadings(SampleReadings(pool.take(places[0])))

    labelling = Labelling(texts, KnownAnswers(), readings_of=readings_of, task="new", at_most=size, seed=seed)  # type: ignore[arg-type]
    found = {}
    while labelling.n_answers < n and (question := labelling.question()) is not None:
        labelling.answer(question.place, int(pool.labels[places[0][question.place]]))
        if labelling.wants_to_learn:
            labelling.learn()
            rows = [int(places[0][place]) for place in labelling.labels]
            found[labelling.n_answers] = f1_of(pool, rows, valid)
    return found


def at_random(pool: Sample, valid: Sample, *, n: int, seed: int) -> dict[int, float]:
    """F1 after every ten labels in random order."""
    order = np.random.default_rng(seed).permutation(len(pool.labels)).tolist()
    return {size: f1_of(pool, order[:size], valid) for size in range(10, min(n, len(order)) + 1, 10)}


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--tasks", default="law,medical,address_exact,search_good")
    parser.add_argument("--only", help="trained standards to ask; all if left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--train", type=int, default=400)
    parser.add_argument("--valid", type=int, default=400)
    parser.add_argument("--most", type=int, default=200, help="labels at random, at most")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "label_standard.json")
    given = parser.parse_args()
    task_set, rows = TaskSet.load("standards"), []
    for name in given.tasks.split(","):
        pool, valid = (
            load_sample(
                task_set.task(name),
                task_set,
                split,
                n=n,
                model=given.model,
                base=given.base,
                data=given.data,
                only=tuple(given.only.split(",")) if given.only else None,
                cache=given.cache,
            )
            for split, n in (("train", given.train), ("valid", given.valid))
        )
        most, size = min(given.most, len(pool.labels)), int(len(pool.labels) * 0.9)
        curves = {
            "picked": [picked(pool, valid, n=most, size=size, seed=seed) for seed in range(given.seeds)],
            "random": [at_random(pool, valid, n=most, seed=seed) for seed in range(given.seeds)],
        }
        mean = {
            way: {n: float(np.mean([curve[n] for curve in found if n in curve])) for n in found[0]}
            for way, found in curves.items()
        }
        std = {
            way: {n: float(np.std([curve[n] for curve in found if n in curve], ddof=1)) for n in found[0]}
            for way, found in curves.items()
        }
        target = mean["random"][max(mean["random"])]
        needed = next((n for n, f1 in mean["picked"].items() if f1 >= target), None)
        rows.append(
            {
                "task": name,
                "matches": float(valid.labels.mean()),
                "mean": mean,
                "std": std,
                "random labels": max(mean["random"]),
                "picked labels to the same F1": needed,
            }
        )
        print(
            f"{name:14} random {max(mean['random'])} labels: {target:.3f}; picked gets there with {needed}", flush=True
        )
    result = {
        "machine": describe_machine("numpy"),
        "model": Path(given.model).name,
        "pairs": {"train": given.train, "valid": given.valid, "seeds": given.seeds},
        "rows": rows,
    }
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
