"""Are promises kept, and what do they cost: thresholds from 400 labels, a thousand times, judged on all dev pairs.

    python benchmarks/promise_threshold.py DATA --cache DIR

Of each standard 600 dev pairs are scored once by the bundled matcher; they are the population, whose true precision
and recall at every threshold are known. 400 pairs are drawn from it with repetition, a thousand times (seed 0), and a
threshold is promised from each draw (confidence 0.95). Told are: how often a threshold's true precision is below the
promise (of all draws, those without a promise counted as kept), how often nothing can be promised, and the recall it
leaves, as a share of the oracle's: the recall of the lowest threshold whose true precision keeps the promise. Where
nothing can be promised the recall counts as 0. Beside it what the plain choice does: the lowest threshold whose
precision on the 400 labels is the level. No timings; two minutes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from dev_scores import DevScores, dev_scores
from machine import describe_machine

from yanmo.errors import InputError
from yanmo.evaluate import precision_threshold, ranking_curve
from yanmo.standard.promise import lowest_kept, recall_cut
from yanmo.standard.scored import ScoredPairs

RESULT = Path(__file__).parent / "results" / "promise_threshold.json"
N_LABELS, N_DRAWS, RISK = 400, 1000, 0.05


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="where scores are kept")
    arguments = parser.parse_args()
    found = {}
    for name, scores in dev_scores(arguments.data, arguments.cache).items():
        found[name] = {"pairs": len(scores.labels), "share_of_matches": scores.share, **measured(scores)}
        print(name, json.dumps(found[name]), flush=True)
    promised = [row["precision 0.9"] for row in found.values() if row["share_of_matches"] >= 0.4]
    result = {
        "judged_on": "600 dev pairs a standard (559 of medical) as the population, 400 drawn 1,000 times, seed 0",
        "machine": describe_machine("numpy"),
        "most_often_broken": {
            level: max(row[level]["broken"] for row in found.values())
            for level in ("precision 0.9", "precision 0.95", "recall 0.9")
        },
        "mean_recall_of_the_oracles_at_0.9_where_two_in_five_match": float(
            np.mean([row["recall_of_the_oracles"] for row in promised])
        ),
        "standards": found,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def measured(scores: DevScores) -> dict[str, Any]:
    """All promises of one standard."""
    # The scores need only keep their order.
    values = (1 / (1 + np.exp(-scores.logits))).astype(np.float32)
    curve = ranking_curve(scores.labels, values)
    precision, recall = curve.precision, curve.recall
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(values), size=N_LABELS) for _ in range(N_DRAWS)]
    rows: dict[str, Any] = {}
    for level in (0.9, 0.95):
        reached = recall[precision >= level]
        oracle = float(reached.max()) if reached.size else 0.0
        outcomes = {"promised": [], "plain": []}
        for rows_drawn in draws:
            labels, drawn = scores.labels[rows_drawn], values[rows_drawn]
            for kind, threshold in (
                ("promised", _promised(labels, drawn, level)),
                ("plain", _plain(labels, drawn, level)),
            ):
                outcomes[kind].append(_truth(curve.values, precision, recall, threshold))
        kept, plain = np.array(outcomes["promised"]), np.array(outcomes["plain"])
        was_made = ~np.isnan(kept[:, 0])
        rows[f"precision {level:g}"] = {
            "broken": float(np.mean(kept[was_made, 0] < level - 1e-9) * was_made.mean()) if was_made.any() else 0.0,
            "not_promised": float(1 - was_made.mean()),
            "oracles_recall": oracle,
            "recall_of_the_oracles": float(np.mean(kept[:, 1]) / oracle) if oracle else None,
            "median_recall_of_the_oracles": float(np.median(kept[:, 1]) / oracle) if oracle else None,
            "recall_of_the_oracles_where_promised": float(np.mean(kept[was_made, 1]) / oracle)
            if oracle and was_made.any()
            else None,
            "plain_choice_broken": float(np.mean(plain[:, 0] < level - 1e-9)),
        }
    outcomes_of_recall = []
    for rows_drawn in draws:
        scored = _scored(scores.labels[rows_drawn], values[rows_drawn])
        outcomes_of_recall.append(
            _truth(curve.values, precision, recall, recall_cut(scored, level=0.9, risk=RISK).threshold)
        )
    kept = np.array(outcomes_of_recall)
    best = float(precision[recall >= 0.9].max())
    rows["recall 0.9"] = {
        "broken": float(np.mean(kept[:, 1] < 0.9 - 1e-9)),
        "precision": float(kept[:, 0].mean()),
        "oracles_precision": best,
    }
    return rows


def _scored(labels: Any, values: Any) -> ScoredPairs:
    return ScoredPairs(labels, values, values)


def _promised(labels: Any, values: Any, level: float) -> float | None:
    return lowest_kept(_scored(labels, values), level=level, risk=RISK)


def _plain(labels: Any, values: Any, level: float) -> float | None:
    try:
        return precision_threshold(labels, values, at_least=level)
    except InputError:
        return None


def _truth(cuts: Any, precision: Any, recall: Any, threshold: float | None) -> tuple[float, float]:
    """Precision and recall on the whole population; NaN and 0 without a threshold."""
    if threshold is None:
        return float("nan"), 0.0
    n_accepted = int(np.searchsorted(-cuts, -np.float32(threshold), side="right"))
    return (float(precision[n_accepted - 1]), float(recall[n_accepted - 1])) if n_accepted else (1.0, 0.0)


if __name__ == "__main__":
    main()
