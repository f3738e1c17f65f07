"""One matcher whose weights are the mean of several that were trained from a common start.

    python recipes/average_matchers.py RUN RUN ... [--data DATA] --out runs/mean

The first run's tasks are those of the result; another run may know some of them only, and then has a say in these
tasks' vectors and biases and in all that is shared. A run named twice counts twice. Runs that started from the same
weights usually lie in one valley, where the mean is as good as letting all of them vote, at the cost of one; from
different heads the mean is nonsense.
Thresholds and calibration are chosen anew on the validation pairs of DATA, as ``yanmo train`` does; without DATA they
stay those of the first run, for a folder that is exported and then fitted as it scores (recipes/fit_thresholds.py).

Source: arXiv:2203.05482 (model soups).
"""

import argparse
from pathlib import Path

import torch

from yanmo import Matcher
from yanmo.data import read_split
from yanmo.evaluate import fit_decisions, score_split
from yanmo.match import MatchingFile


def main() -> None:
    """Averages the runs and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    matchers = [Matcher.from_pretrained(run) for run in arguments.runs]
    first = matchers[0]
    network = first.engine.classifier
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name in ("task_bias", "task_vectors.weight"):
                for index, task in enumerate(first.matching.task_set.names):
                    known = [m for m in matchers if task in m.matching.task_set.names]
                    rows = [m.engine.classifier.state_dict()[name][m.matching.task_set.index(task)] for m in known]
                    tensor[index] = torch.stack(rows).mean(0)
            else:
                each = [m.engine.classifier.state_dict()[name] for m in matchers]
                # A sum of equal parts is rounded: frozen layers stay bit for bit what they are, as caches and exports
                # of few bits rely on.
                if any(not torch.equal(tensor, other) for other in each):
                    tensor.copy_(torch.stack(each).mean(0))
    kept = first.matching
    decisions = kept.decisions
    if arguments.data is not None:
        validation = read_split(arguments.data, kept.task_set, "valid")
        decisions, judgement = fit_decisions(score_split(first, validation))
        print(f"官方指标 {judgement.official.f1:.4f}", {n: round(task.f1, 3) for n, task in judgement.tasks.items()})
    matching = MatchingFile(
        task_set=kept.task_set,
        decisions=decisions,
        model=kept.model,
        normalization=kept.normalization,
        training={"mean_of": [m.matching.training for m in matchers]},
    )
    Matcher(first.engine, first.pair_encoder, matching).save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
