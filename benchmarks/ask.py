"""What asking a person about the least sure tenth does to the errors that are left, on held-out pairs.

    python benchmarks/ask.py DATA --cache DIR

Of each standard 600 dev pairs are scored once by the bundled matcher and cut in two halves with the same share of
matches, 20 times (seed 0). On one half calibration, threshold (the smooth F1's, as ``yanmo train`` sets it) and the two
thresholds for asking are chosen, as ``yanmo threshold --ask 0.10`` does; on the other they are judged: the share asked
about, the share of wrong answers when all are answered, and the share of wrong answers among those still answered.
"At best" is what nobody can beat: a tenth of the pairs taken out that are all wrong. Beside it a tenth asked at random,
which changes nothing in the mean, is not measured. Counts are summed over the 20 splits and both directions.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from dev_scores import DevScores, dev_scores
from machine import describe_machine

from yanmo.evaluate import TaskScores, fit_decision
from yanmo.match.asking import asking
from yanmo.match.verdicts import verdict

RESULT = Path(__file__).parent / "results" / "ask.json"
SHARES, N_SPLITS = (0.05, 0.1, 0.2), 20


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
    tenth = [row["ask 0.1"] for row in found.values()]
    result = {
        "judged_on": "halves of 600 dev pairs a standard (559 of medical) that nothing was chosen on, 20 splits",
        "machine": describe_machine("numpy"),
        "mean_share_of_errors_left_when_a_tenth_is_asked": float(np.mean([row["left_of_before"] for row in tenth])),
        "halved": [name for name, row in found.items() if row["ask 0.1"]["left_of_before"] <= 0.5],
        "standards": found,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def measured(name: str, scores: DevScores) -> dict[str, Any]:
    """One standard, every share."""
    rng = np.random.default_rng(0)
    # Of every split and share: pairs, asked about, wrong, wrong and not asked about.
    counts = np.zeros((N_SPLITS, len(SHARES), 4), dtype=np.int64)
    for split in range(N_SPLITS):
        half = np.empty(len(scores.labels), dtype=np.int64)
        for kind in (scores.labels, ~scores.labels):
            rows = rng.permutation(np.flatnonzero(kind))
            half[rows] = np.arange(len(rows)) % 2
        for this in (0, 1):
            chosen, judged = half == this, half != this
            task = TaskScores(name, name, scores.labels[chosen], scores.logits[chosen])
            rule = fit_decision(task)
            chances = rule.calibration.probabilities(task.logits)
            for i, share in enumerate(SHARES):
                said = verdict(asking(rule, chances, share=share), scores.logits[judged])
                wrong = said.accepted != scores.labels[judged]
                counts[split, i] += [len(wrong), said.asked.sum(), wrong.sum(), (wrong & ~said.asked).sum()]
    return {f"ask {share:g}": _told(counts[:, i], share) for i, share in enumerate(SHARES)}


def _told(counts: Any, share: float) -> dict[str, float]:
    n, asked, wrong, left = counts.sum(0).tolist()
    ratios = counts[:, 3] / (counts[:, 0] - counts[:, 1]) / (counts[:, 2] / counts[:, 0])
    return {
        "asked": asked / n,
        "wrong_before": wrong / n,
        "wrong_among_answered": left / (n - asked),
        "left_of_before": left / (n - asked) / (wrong / n),
        "deviation_over_splits": float(np.std(ratios)),
        "wrong_among_asked": (wrong - left) / asked,
        "at_best": max(0.0, (wrong / n - share) / (1 - share)) / (wrong / n),
    }


if __name__ == "__main__":
    main()
