"""What a matcher has to beat on real pairs: bag-of-characters, the frozen base, and a perceptron upon it.

    python benchmarks/matching_references.py BASE DATA --frozen-cache DIR [--only ssA,ssB] [--run RUN ...]

Every reference trains on the train files and is judged on the valid files exactly as a run is: Platt calibration and
threshold from one half, counted on the other, both ways, over 20 splits, with 95 % bootstrap intervals. RUN are folders
of ``yanmo train``, whose ``validation.json`` was judged the same way. Nothing here prints timings.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from base_vectors import Sides, Split, base_vectors
from machine import describe_machine
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neural_network import MLPClassifier

from yanmo.data import Pair, TaskSet, read_split
from yanmo.encode import load_encoder
from yanmo.evaluate import Judgement, TaskScores, judge_across_halves

RESULT = Path(__file__).parent / "results" / "matching_references.json"
SEEDS = (0, 1, 2)


def main() -> None:
    """Measures all references and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default="ssA,ssB")
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument("--prefix", default="query: ")
    parser.add_argument("--frozen-cache", type=Path, required=True, help="states of the base's lower layers")
    arguments = parser.parse_args()
    tasks = TaskSet.load("sohu").subset(arguments.only.split(","))
    train, valid = (read_split(arguments.data, tasks, split) for split in ("train", "valid"))
    table = {}

    def put(name: str, judgements: Sequence[Judgement]) -> None:
        table[name] = _row(judgements)
        print(name, json.dumps(table[name]["mean_f1"]), flush=True)

    put("TF-IDF and gradient boosting", [_boosting(train, valid, tasks, seed) for seed in SEEDS])
    cached = 3 * load_encoder(arguments.base).config.n_layers // 4  # the layers that a run with the same cache keeps
    known = [
        base_vectors(
            arguments.base, split, tasks, prefix=arguments.prefix, cache=arguments.frozen_cache, n_cached=cached
        )
        for split in (train, valid)
    ]
    cosines = {name: (u * v).sum(1) for name, (u, v) in known[1].items()}
    put("cosine of the base, zero-shot", [_judge(valid, tasks, cosines)])
    put("perceptron on the frozen base", [_perceptron(train, valid, tasks, *known, seed) for seed in SEEDS])
    for run in arguments.run:
        judged = json.loads((run / "validation.json").read_text(encoding="utf-8"))["tasks"]
        values = {name: [judged[name]["f1"]] for name in tasks.names}
        table[f"yanmo train: {run.name}"] = {
            "seeds": 1,
            "mean_f1": {"mean": float(np.mean([f1 for (f1,) in values.values()]))},
            "tasks": {
                name: {"f1": judged[name]["f1"], "auc": judged[name]["auc"], "f1_interval": judged[name]["f1_interval"]}
                for name in values
            },
        }
    result = {
        "judged_on": "valid, threshold and calibration from the other half, 20 splits",
        "machine": describe_machine("torch", "scikit-learn"),
        "threads": torch.get_num_threads(),
        "table": table,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    for name, row in table.items():
        print(
            f"{name:36}",
            f"{row['mean_f1']['mean']:.3f}",
            {t: (round(v["f1"], 3), round(v["auc"], 3)) for t, v in row["tasks"].items()},
        )


def _row(judgements: Sequence[Judgement]) -> dict:
    names = list(judgements[0].tasks)
    means = [float(np.mean([j.tasks[name].f1 for name in names])) for j in judgements]
    return {
        "seeds": len(judgements),
        "mean_f1": {"mean": float(np.mean(means)), "std": float(np.std(means))},
        "tasks": {
            name: {
                "f1": float(np.mean([j.tasks[name].f1 for j in judgements])),
                "f1_std": float(np.std([j.tasks[name].f1 for j in judgements])),
                "f1_interval": judgements[0].tasks[name].f1_interval,
                "auc": float(np.mean([j.tasks[name].auc for j in judgements])),
            }
            for name in names
        },
    }


def _judge(valid: Split, tasks: TaskSet, scores: dict[str, NDArray]) -> Judgement:
    rows = []
    for name, pairs in valid.items():
        raw = np.asarray(scores[name], dtype=np.float64)
        logits = (raw - raw.mean()) / raw.std()
        rows.append(TaskScores(name, tasks.task(name).standard, np.array([p.label for p in pairs]), logits))
    return judge_across_halves(rows)


def _boosting(train: Split, valid: Split, tasks: TaskSet, seed: int) -> Judgement:
    texts = list(dict.fromkeys(text for pairs in train.values() for p in pairs for text in (p.text0, p.text1)))
    grams = [
        TfidfVectorizer(analyzer="char", ngram_range=(n, n), sublinear_tf=True, min_df=2).fit(texts) for n in (1, 2, 3)
    ]
    reduce = TruncatedSVD(64, random_state=seed).fit(grams[1].transform(texts))

    def features(pairs: Sequence[Pair]) -> NDArray[np.float64]:
        left, right = [p.text0 for p in pairs], [p.text1 for p in pairs]
        columns = []
        for gram in grams:
            a, b = gram.transform(left), gram.transform(right)
            columns += [np.asarray(a.multiply(b).sum(1)).ravel(), np.asarray(a.minimum(b).sum(1)).ravel()]
        u, v = (reduce.transform(grams[1].transform(side)) for side in (left, right))
        sizes = np.array([[len(a), len(b), abs(len(a) - len(b))] for a, b in zip(left, right, strict=True)])
        return np.column_stack([*columns, sizes, np.abs(u - v), u * v])

    scores = {}
    for name in valid:
        model = HistGradientBoostingClassifier(learning_rate=0.05, max_iter=300, early_stopping=True, random_state=seed)
        model.fit(features(train[name]), [p.label for p in train[name]])
        scores[name] = model.decision_function(features(valid[name]))
    return _judge(valid, tasks, scores)


def _perceptron(
    train: Split, valid: Split, tasks: TaskSet, seen: dict[str, Sides], new: dict[str, Sides], seed: int
) -> Judgement:
    def features(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
        scale = u.shape[1] ** 0.5
        return np.column_stack([scale * np.abs(u - v), scale**2 * u * v, scale * (1 - (u * v).sum(1))])

    scores = {}
    for name in valid:
        model = MLPClassifier(
            (256,), alpha=1e-3, learning_rate_init=5e-4, early_stopping=True, max_iter=60, random_state=seed
        )
        model.fit(features(*seen[name]), [p.label for p in train[name]])
        chance = model.predict_proba(features(*new[name]))[:, 1].clip(1e-7, 1 - 1e-7)
        scores[name] = np.log(chance / (1 - chance))
    return _judge(valid, tasks, scores)


if __name__ == "__main__":
    main()
