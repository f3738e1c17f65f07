"""The article's claim, measured: one conditional model against its alternatives at equal compute.

    python benchmarks/one_model_or_six.py BASE DATA --work DIR [--only ssA,ssB] [--config recipes/sohu_small.yaml]

Four ways to serve several standards of match, each trained on the same pairs for the same number of epochs from the
same frozen lower layers: ``conditional`` (one model, condition in every learning norm), ``unconditional`` (one model, one
head, only a bias for each task), ``heads`` (one unconditional encoder, a head for each task) and ``separate`` (one
unconditional model for each task, on its own pairs). A pair is seen as often in all of them, so compute is equal.

Each run is a folder in DIR: what is finished is not repeated, what was killed goes on. Judged on valid with thresholds
of the other half; mean and standard deviation over the seeds.
"""

import argparse
import json
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from yanmo.fit.config import load_train_config
from yanmo.fit.run import train_matcher
from yanmo.match import TaskSet, read_split

RESULT = Path(__file__).parent / "results" / "one_model_or_six.json"
PLAIN = ("architecture.conditional_from=null",)
WAYS = {
    "conditional": (),
    "unconditional": PLAIN,
    "heads": (*PLAIN, "architecture.separate_heads=true"),
    "separate": PLAIN,
}


def main() -> None:
    """Trains whatever is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default="ssA,ssB,slA,slB,llA,llB")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "recipes" / "sohu_small.yaml")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    whole = TaskSet.load("sohu").subset(arguments.only.split(","))
    table: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seed in range(arguments.seeds):
        for way, overrides in WAYS.items():
            groups = [(name,) for name in whole.names] if way == "separate" else [whole.names]
            for names in groups:
                out = arguments.work / f"{way}-{'-'.join(names)}-{seed}"
                scores = _train(arguments, whole.subset(names), out, (*overrides, *arguments.set, f"seed={seed}"))
                for name in names:
                    row = table.setdefault(way, {}).setdefault(name, {"f1": [], "auc": []})
                    row["f1"].append(scores[name]["f1"])
                    row["auc"].append(scores[name]["auc"])
            _write(table, arguments)


def _train(arguments: argparse.Namespace, tasks: TaskSet, out: Path, overrides: tuple[str, ...]) -> dict:
    finished = out / "validation.json"
    if not (out / "matching.json").exists():
        if out.exists() and not (out / "run.json").exists():
            shutil.rmtree(out)
        training, validation = (read_split(arguments.data, tasks, split) for split in ("train", "valid"))
        train_matcher(
            training,
            validation,
            task_set=tasks,
            base=arguments.base,
            out=out,
            config=load_train_config(arguments.config, overrides=overrides),
            resume=out.exists(),
            frozen_cache=arguments.work / "frozen",
            console=Console(stderr=True),
        )
    return json.loads(finished.read_text(encoding="utf-8"))["tasks"]


def _write(table: dict, arguments: argparse.Namespace) -> None:
    ways = {}
    for way, tasks in table.items():
        means = np.mean([row["f1"] for row in tasks.values()], axis=0)
        ways[way] = {
            "seeds": len(means),
            "mean_f1": float(means.mean()),
            "mean_f1_std": float(means.std()),
            "tasks": {
                name: {
                    key: {"mean": float(np.mean(values)), "std": float(np.std(values))} for key, values in row.items()
                }
                for name, row in tasks.items()
            },
        }
    result = {
        "judged_on": "valid, threshold and calibration from the other half, 20 splits",
        "settings": [arguments.config.name, *arguments.set],
        "versions": {name: version(name) for name in ("yanmo", "torch", "transformers")},
        "threads": torch.get_num_threads(),
        "ways": ways,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(
        {way: f"{row['mean_f1']:.3f} ± {row['mean_f1_std']:.3f} ({row['seeds']})" for way, row in ways.items()},
        flush=True,
    )


if __name__ == "__main__":
    main()
