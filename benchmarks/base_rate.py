"""From 70 to 15 per cent matches: what F1 is lost by a threshold that is moved, one that is not, against the oracle's.

    python benchmarks/base_rate.py DATA --cache DIR

Of each standard 600 dev pairs are scored once by the bundled matcher and cut in two halves, 40 times (seed 0). Of one
half the labelled sample is made, 70 % matches; of the other the pairs in use, 15 % matches (non-matches are left out of
the first, matches of the second). The threshold comes from the labelled sample: as it is; moved with the true share
told (``--base-rate 0.15``); moved with the share estimated from the scores of the pairs in use alone
(``--unlabelled``). F1 is of counts summed over the splits; the oracle is the one threshold (on the logit) with the
highest such F1, chosen on the very pairs it is judged on, so that what it keeps is not all there to be had.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from dev_scores import DevScores, dev_scores
from machine import describe_machine

from yanmo.evaluate import Counts, TaskScores, fit_decision, platt_scaling
from yanmo.match.verdicts import verdict
from yanmo.standard.base_rate import decision_at, estimated_base_rate

RESULT = Path(__file__).parent / "results" / "base_rate.json"
LABELLED, USED, N_SPLITS = 0.7, 0.15, 40


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="where scores are kept")
    arguments = parser.parse_args()
    found = {}
    for name, scores in dev_scores(arguments.data, arguments.cache).items():
        found[name] = measured(name, scores)
        print(name, json.dumps(found[name]), flush=True)
    result = {
        "judged_on": "halves of 600 dev pairs a standard (559 of medical) made to hold 15 % matches; thresholds "
        "from the other halves, made to hold 70 %; 40 splits, seed 0",
        "machine": describe_machine("numpy"),
        "mean_points_of_f1_lost": {
            way: float(np.mean([row["points_of_f1_lost"][way] for row in found.values()]))
            for way in ("stale", "told", "estimated")
        },
        "standards": found,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def measured(name: str, scores: DevScores) -> dict[str, Any]:
    """One standard."""
    rng = np.random.default_rng(0)
    totals: dict[str, Counts] = {}
    shares, sizes, pooled = [], [], []
    for _ in range(N_SPLITS):
        half = np.empty(len(scores.labels), dtype=np.int64)
        for kind in (scores.labels, ~scores.labels):
            rows = rng.permutation(np.flatnonzero(kind))
            half[rows] = np.arange(len(rows)) % 2
        labelled = _mixed(scores.labels, half == 0, LABELLED, rng)
        used = _mixed(scores.labels, half == 1, USED, rng)
        task = TaskScores(name, name, scores.labels[labelled], scores.logits[labelled])
        chances = platt_scaling(task.labels, task.logits).probabilities(scores.logits[used])
        share = estimated_base_rate(chances, made_at=task.n_positive / len(task))
        shares.append(share)
        sizes.append((len(labelled), len(used)))
        pooled.append(used)
        for way, rule in (
            ("stale", fit_decision(task)),
            ("told", decision_at(task, base_rate=USED)),
            ("estimated", decision_at(task, base_rate=share)),
        ):
            counts = Counts.of(scores.labels[used], verdict(rule, scores.logits[used]).accepted)
            totals[way] = totals[way] + counts if way in totals else counts
    everything = np.concatenate(pooled)
    oracle = max(
        Counts.of(scores.labels[everything], scores.logits[everything] >= cut).f1 for cut in np.unique(scores.logits)
    )
    return {
        "labelled": float(np.mean([size for size, _ in sizes])),
        "used": float(np.mean([size for _, size in sizes])),
        "oracles_f1": oracle,
        "points_of_f1_lost": {way: 100 * (oracle - counts.f1) for way, counts in totals.items()},
        "estimated_share": float(np.mean(shares)),
        "deviation_of_the_estimate": float(np.std(shares)),
    }


def _mixed(labels: Any, rows: Any, share: float, rng: np.random.Generator) -> Any:
    """As many of the rows as can be had with that share of matches."""
    matches, others = rng.permutation(np.flatnonzero(rows & labels)), rng.permutation(np.flatnonzero(rows & ~labels))
    n = min(len(matches) / share, len(others) / (1 - share))
    return np.concatenate([matches[: round(n * share)], others[: round(n * (1 - share))]])


if __name__ == "__main__":
    main()
