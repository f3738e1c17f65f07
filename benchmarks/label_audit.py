"""Of labels that were flipped, how many an audit finds among the first tenth, beside cleanlab on the same features.

    pip install cleanlab
    python benchmarks/label_audit.py DATA --cache DIR [--pairs 600] [--seeds 20]

Pairs of dev and valid, which the bundled matcher was not trained on: whole groups of pairs that share texts, in an
order drawn once, so that what labels say of each other is there as in a file of one's own. Of every twentieth label the
opposite is set, and all are ranked by doubt; recall of the flipped ones among the first tenth, mean and deviation over
the draws of what is flipped. Labels that were wrong before count as found wrongly. The strengths of the small model
were chosen on 600 pairs of `bank`, which is not among these. cleanlab ranks by its label quality from five-fold
probabilities of scikit-learn's logistic regression: on the very columns of our model, and on the matcher's alone.
Scores are computed once and kept in DIR, a hundred at a time; the rest takes a minute.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from groups import grouped_pairs
from machine import describe_machine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from yanmo.data import read_split
from yanmo.evaluate import roc_auc
from yanmo.match import Matcher, open_matcher
from yanmo.standard.audit import audit_columns, label_doubts
from yanmo.standard.audit_features import PairFeatures, read_features
from yanmo.standard.audit_structure import read_structure

RESULT = Path(__file__).parent / "results" / "label_audit.json"
SETS = ("law", "medical", "question", "ssA")
FLIPPED, READ, CHUNK = 0.05, 0.10, 100


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="where scores are kept between calls")
    parser.add_argument("--pairs", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", default=",".join(SETS))
    arguments = parser.parse_args()
    matcher = open_matcher("default")
    task_set = matcher.matching.task_set
    rows: dict[str, object] = {}
    for name in arguments.sets.split(","):
        pairs = read_split(arguments.data, task_set.subset([name]), "valid")[name]
        chosen = grouped_pairs(pairs, n=arguments.pairs, seed=0)
        texts = [(pair.text0, pair.text1) for pair in chosen]
        features = cached_features(matcher, texts, task=name, cache=arguments.cache)
        labels = np.array([pair.label == 1 for pair in chosen])
        rows[name] = {
            "pairs": len(chosen),
            "share_of_matches": float(labels.mean()),
            "auc_of_the_matcher": roc_auc(labels, features.log_odds),
        } | measured(features, labels, texts, n_seeds=arguments.seeds, symmetric=task_set.task(name).symmetric)
        print(name, json.dumps(rows[name], indent=1), flush=True)
        write(rows, n_seeds=arguments.seeds)


def write(rows: dict[str, object], *, n_seeds: int) -> None:
    """Writes what has been measured, after every set."""
    result = {
        "measure": f"share of {FLIPPED:.0%} flipped labels in the first {READ:.0%}, mean and deviation over draws",
        "judged_on": "dev and valid pairs, none trained on, whole groups that share texts",
        "seeds": n_seeds,
        "machine": describe_machine("onnxruntime", "numpy", "scikit-learn", "cleanlab"),
        "sets": rows,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def cached_features(matcher: Matcher, texts: list[tuple[str, str]], *, task: str, cache: Path) -> PairFeatures:
    """The features of pairs, from the cache where they are in it."""
    cache.mkdir(parents=True, exist_ok=True)
    odds, vectors = [], []
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        path = cache / f"{task}_{start // CHUNK}.npz"
        if path.is_file():
            kept = np.load(path)
            if [tuple(pair) for pair in kept["texts"].tolist()] != part:
                raise SystemExit(f"{path} holds other pairs; name another cache")
        else:
            found = read_features(matcher, part, task=task)
            np.savez(path, texts=np.array(part), log_odds=found.log_odds, vectors=found.vectors)
            kept = np.load(path)
        odds.append(kept["log_odds"])
        vectors.append(kept["vectors"])
    return PairFeatures(np.concatenate(odds), np.empty((len(texts), 0)), np.concatenate(vectors), True)


def measured(
    features: PairFeatures, labels: np.ndarray, texts: list[tuple[str, str]], *, n_seeds: int, symmetric: bool
) -> dict[str, object]:
    """Recall of flipped labels by each way of ranking."""
    found: dict[str, list[float]] = {}
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        flipped = np.zeros(len(labels), dtype=bool)
        flipped[rng.choice(len(labels), size=round(FLIPPED * len(labels)), replace=False)] = True
        given = labels ^ flipped
        structure = read_structure(texts, given, symmetric=symmetric)
        ours, _ = label_doubts(features, given, structure, symmetric=symmetric)
        columns, _ = audit_columns(features, structure, symmetric=symmetric)
        of_labels = [1, 2]  # behind the matcher's log-odds stand the two votes of other labels
        plain = np.delete(columns, of_labels, axis=1)
        ways = {
            "matcher_alone": features.log_odds,
            "yanmo": ours,
            "cleanlab_on_the_same_columns": learned(columns, given, seed),
            "cleanlab_without_what_labels_say_of_each_other": learned(plain, given, seed),
        }
        for name, scores in ways.items():
            if name.startswith("cleanlab"):
                quality = get_label_quality_scores(given.astype(int), np.column_stack([1 - scores, scores]))
                doubt = -quality
            elif name == "yanmo":
                doubt = np.where(given, 1 - scores, scores)
            else:  # log-odds
                doubt = np.where(given, -scores, scores)
            found.setdefault(name, []).append(recall(doubt, flipped))
    return {name: {"mean": float(np.mean(each)), "deviation": float(np.std(each))} for name, each in found.items()}


def learned(columns: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Five-fold probabilities of a logistic regression, as cleanlab's guide has them made."""
    model = LogisticRegression(max_iter=1000)  # the columns are of unit size as they come
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(model, columns, labels, cv=folds, method="predict_proba")[:, 1]


def recall(doubt: np.ndarray, flipped: np.ndarray) -> float:
    """Share of the flipped among the first tenth by doubt."""
    read = np.argsort(-doubt, kind="stable")[: round(READ * len(doubt))]
    return float(flipped[read].sum() / flipped.sum())


if __name__ == "__main__":
    main()
