"""A standard learned from 16 to 200 pairs, of families that the matcher was trained without: accuracy on valid.

    python benchmarks/learn_standard.py BASE DATA --model LEFT_OUT --cache DIR

LEFT_OUT is a matcher trained without law, address, search, medical and paraphrase. Every method gets the same draws of
labelled pairs from train and is judged on the same pairs of valid. The prior of a family is chosen on the train pairs
of the other families alone, those not drawn; no pair of valid chooses anything.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
from learn_features import Sample, SampleReadings, load_sample
from machine import describe_machine
from numpy.typing import NDArray

from yanmo.data import TaskSet
from yanmo.standard.learn_fit import fit_logistic
from yanmo.standard.learn_head import learn_head
from yanmo.standard.learn_scaling import Prior

FAMILIES = {
    "law": ("law",),
    "address": ("address", "address_exact"),
    "search": ("search", "search_good"),
    "medical": ("medical",),
    "paraphrase": ("paraphrase",),
}
GRID = [
    Prior(leaning=leaning, leaning_std=0.5, distance=distance, distance_std=0.3, vector_std=vector_std, n_sources=n)
    for leaning, distance, vector_std, n in product((1.0, 2.0), (0.0, -0.5), (0.0, 0.01, 0.03), (1, 2))
]
Rule = Callable[[Sample], NDArray[np.bool_]]


def by_threshold(scores: Callable[[Sample], NDArray], drawn: Sample) -> Rule:
    """The threshold with the most right decisions on the drawn pairs, the middle of the two scores around it."""
    given, labels = scores(drawn), drawn.labels
    order = np.argsort(-given, kind="stable")
    right = np.concatenate([[(~labels).sum()], (~labels).sum() + np.cumsum(np.where(labels[order], 1, -1))])
    n = int(np.argmax(right))
    ends = np.concatenate([[given[order[0]] + 1e-6], given[order], [given[order[-1]] - 1e-6]])
    threshold = (ends[n] + ends[n + 1]) / 2
    return lambda sample: scores(sample) >= threshold


def cosine(drawn: Sample) -> Rule:
    """The base's cosine."""
    return by_threshold(lambda sample: sample.cosine, drawn)


def nearest(drawn: Sample) -> Rule:
    """The trained standard whose best threshold is right on the most drawn pairs."""
    rules = [by_threshold(lambda sample, i=i: sample.logits[:, i], drawn) for i in range(len(drawn.names))]
    return max(rules, key=lambda rule: (rule(drawn) == drawn.labels).mean())


def all_logits(drawn: Sample) -> Rule:
    """Logistic regression over the logits of all trained standards, weights of unit spread."""
    center, spread = drawn.logits.mean(0), np.maximum(drawn.logits.std(0), 1e-9)

    def features(sample: Sample) -> NDArray[np.float64]:
        return np.column_stack([(sample.logits - center) / spread, np.ones(len(sample.labels))])

    n = drawn.logits.shape[1] + 1
    fit = fit_logistic(
        features(drawn), drawn.labels.astype(float), mean=np.zeros(n), std=np.append(np.ones(n - 1), 10.0)
    )
    return lambda sample: features(sample) @ fit.weights >= 0


def learned(prior: Prior, *, unlabelled: Sample | None = None) -> Callable[[Sample], Rule]:
    """Yanmo's own."""

    def learn(drawn: Sample) -> Rule:
        more = None if unlabelled is None else SampleReadings(unlabelled)
        head = learn_head(SampleReadings(drawn), drawn.labels, prior=prior, unlabelled=more).head

        def decide(sample: Sample) -> NDArray[np.bool_]:
            logits = {name: sample.logits[:, i] for i, name in enumerate(sample.names)}
            return head.logits(logits, sample.vectors) >= 0

        return decide

    return learn


def draws(sample: Sample, n: int, n_draws: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Random pairs with two of each kind at least, and those left."""
    rng = np.random.default_rng(n)
    done = 0
    while done < n_draws:
        order = rng.permutation(len(sample.labels))
        kinds = sample.labels[order[:n]]
        if min(kinds.sum(), (~kinds).sum()) >= 2:
            done += 1
            yield order[:n], order[n:]


def on_train(train: dict[str, Sample], *, n: int, n_draws: int) -> dict[str, NDArray[np.float64]]:
    """How often each prior of the grid is right on the train pairs that were not drawn, by standard, float64[grid]."""
    return {
        name: np.array(
            [
                np.mean(
                    [
                        (learned(prior)(sample.take(drawn))(sample.take(rest)) == sample.labels[rest]).mean()
                        for drawn, rest in draws(sample, n, n_draws)
                    ]
                )
                for prior in GRID
            ]
        )
        for name, sample in train.items()
    }


def best_prior(right: dict[str, NDArray[np.float64]], left_out: str | None) -> Prior:
    """The prior that is right most often on the families that are not left out."""
    names = [name for family, names in FAMILIES.items() if family != left_out for name in names if name in right]
    return GRID[int(np.argmax(np.mean([right[name] for name in names or right], axis=0)))]


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True, help="the matcher trained without the families")
    parser.add_argument("--cache", type=Path, required=True, help="where what is computed of pairs is kept")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--only", help="trained standards to ask; all if left out")
    parser.add_argument("--sizes", default="16,32,64,200")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--train", type=int, default=400, help="pairs of train to draw from")
    parser.add_argument("--valid", type=int, default=400, help="pairs of valid to judge on")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "learn_standard.json")
    given = parser.parse_args()
    task_set = TaskSet.load("standards")
    chosen = given.families.split(",")
    names = [name for family in chosen for name in FAMILIES[family]]
    samples: dict[str, dict[str, Sample]] = {"train": {}, "valid": {}}
    for split, n in (("train", given.train), ("valid", given.valid)):
        for name in names:
            samples[split][name] = load_sample(
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
    right_on_train = on_train(samples["train"], n=32, n_draws=given.draws)
    priors = {family: best_prior(right_on_train, family) for family in chosen}
    rows = []
    for family in chosen:
        for name in FAMILIES[family]:
            train, valid = samples["train"][name], samples["valid"][name]
            ways = {
                "cosine": cosine,
                "nearest": nearest,
                "all logits": all_logits,
                "learned": learned(priors[family]),
                "learned, prior as shipped": learned(Prior()),
                "learned, no vectors": learned(replace(priors[family], vector_std=0.0, distance=0.0, distance_std=0.0)),
            }
            for n in map(int, given.sizes.split(",")):
                if n > len(train.labels) * 0.75:
                    continue
                right: dict[str, list[float]] = {way: [] for way in [*ways, "learned, with unlabelled"]}
                for drawn, rest in draws(train, n, given.draws):
                    few = train.take(drawn)
                    for way, learn in ways.items():
                        right[way].append(float((learn(few)(valid) == valid.labels).mean()))
                    more = learned(priors[family], unlabelled=train.take(rest))
                    right["learned, with unlabelled"].append(float((more(few)(valid) == valid.labels).mean()))
                row = {"task": name, "n": n, "matches": float(valid.labels.mean())}
                for way, each in right.items():
                    row[way] = {"mean": float(np.mean(each)), "std": float(np.std(each, ddof=1))}
                rows.append(row)
                shown = "  ".join(f"{way} {np.mean(each):.3f}" for way, each in right.items())
                print(f"{name:14} {n:4}  {shown}", flush=True)
    for n in sorted({row["n"] for row in rows}):
        here = [row for row in rows if row["n"] == n]
        ahead = [row["learned"]["mean"] - max(row["cosine"]["mean"], row["nearest"]["mean"]) for row in here]
        print(
            f"{n:4} pairs: ahead of the better of cosine and nearest by {np.mean(ahead):+.3f}, least {min(ahead):+.3f}"
        )
    result = {
        "machine": describe_machine("numpy"),
        "model": Path(given.model).name,
        "standards asked": list(samples["train"][names[0]].names),
        "pairs": {"train": given.train, "valid": given.valid, "draws": given.draws},
        "priors": {family: asdict(prior) for family, prior in priors.items()},
        "prior of all families": asdict(best_prior(right_on_train, None)),
        "rows": rows,
    }
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
