"""The bundled matcher under every standard it knows, beside the cosine of its base, and how alike standards rank.

    python benchmarks/standards.py BASE DATA --frozen-cache DIR [--model FOLDER] [--bfloat16]

AUC is of valid or dev; F1 with calibration and threshold of the other half, both ways, 20 splits, 95 % bootstrap
intervals; beside it what deciding everything positive gives, and F1 at the contest's share of matches. Standards that
cross are compared on the pairs of both: Spearman's correlation of their logits, and for reviews, which people judged
under two standards, the share of pairs that is right under both. Prints no timings; takes a quarter of an hour.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from base_vectors import base_vectors
from crossing import common_pairs, rank_correlation, right_on_both
from machine import describe_machine
from sklearn.metrics import roc_auc_score

from yanmo.data import Pair, read_split
from yanmo.evaluate import judge_across_halves, score_split, score_texts
from yanmo.fit.loop.precision import Precision
from yanmo.match import Matcher, open_matcher

RESULT = Path(__file__).parent / "results" / "standards.json"
COMPARED = (("review_kind", "review_opinion"), ("health", "intent"), ("ssA", "ssB"), ("address", "address_exact"))


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--frozen-cache", type=Path, required=True, help="states of the base's lower layers")
    parser.add_argument("--model", default="default")
    parser.add_argument(
        "--bfloat16", action="store_true", help="lower layers of the base in bfloat16, from such a cache"
    )
    arguments = parser.parse_args()
    matcher = open_matcher(arguments.model)
    task_set = matcher.matching.task_set
    valid = read_split(arguments.data, task_set, "valid")
    judgement = judge_across_halves(score_split(matcher, valid))
    vectors = base_vectors(
        arguments.base,
        valid,
        task_set,
        prefix=str(matcher.matching.model["prefix"]),
        cache=arguments.frozen_cache,
        n_cached=int(str(matcher.matching.model["conditional_from"])),
        precision=Precision.BFLOAT16 if arguments.bfloat16 else Precision.FLOAT32,
    )
    rows = {}
    for name, report in judgement.tasks.items():
        u, v = vectors[name]
        labels = [pair.label for pair in valid[name]]
        rows[name] = asdict(report) | {"auc_of_the_base_cosine": float(roc_auc_score(labels, (u * v).sum(1)))}
    compared = {f"{a} and {b}": _compared(matcher, valid[a], valid[b], a, b) for a, b in COMPARED if {a, b} <= {*valid}}
    result = {
        "judged_on": "valid and dev; threshold and calibration from the other half, 20 splits",
        "model": arguments.model,
        "machine": describe_machine("onnxruntime", "numpy", "torch"),
        "mean_auc": float(np.mean([row["auc"] for row in rows.values()])),
        "mean_auc_of_the_base_cosine": float(np.mean([row["auc_of_the_base_cosine"] for row in rows.values()])),
        "below_their_start": [name for name, row in rows.items() if row["auc"] < row["auc_of_the_base_cosine"]],
        "official": judgement.as_json()["official"],
        "tasks": rows,
        "compared": compared,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _compared(matcher: Matcher, first: list[Pair], second: list[Pair], a: str, b: str) -> dict[str, object]:
    """How alike two standards rank the pairs of both, and who is right under both where both are labelled."""
    texts = list(dict.fromkeys((p.text0, p.text1) for p in (*first, *second)))
    found: dict[str, object] = {
        "pairs": len(texts),
        "spearman": rank_correlation(np.stack([score_texts(matcher, texts, task=name) for name in (a, b)], 1)),
    }
    common, labels = common_pairs(first, second)
    if len(common) == len(texts) and matcher.matching.task_set.task(b).implies != a:
        logits = np.stack([score_texts(matcher, common, task=name) for name in (a, b)], 1)
        both, each = right_on_both(labels, logits)
        found |= {"right_under_both": both, f"right_under_{a}": each[0], f"right_under_{b}": each[1]}
    return found


if __name__ == "__main__":
    main()
