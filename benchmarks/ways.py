"""Training the same pairs in several ways, each a few seeds, into one table; finished runs are not repeated."""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from crossing import common_pairs, rank_correlation, right_on_both
from machine import describe_machine
from rich.console import Console

from yanmo.data import Pair, TaskSet, read_split
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.match import Matcher

Scores = dict[str, dict[str, dict[str, list[float]]]]


def compare_ways(name: str, doc: str, ways: Mapping[str, Sequence[str]], *, separate: Sequence[str] = ()) -> None:
    """Reads the command line, trains whatever is missing and writes the table after every way.

    Args:
        name: Name of the result file.
        doc: What ``--help`` says.
        ways: Overrides of the settings for each way.
        separate: Ways that train a model of its own for each task.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="where the runs go")
    parser.add_argument("--name", default=name, help="name of the result file")
    parser.add_argument("--tasks", default="sohu", help="a task file, or a set that ships")
    parser.add_argument("--only", default="ssA,ssB,slA,slB,llA,llB")
    parser.add_argument("--at-most", type=int, help="training pairs of a task, drawn with seed 0")
    parser.add_argument("--judge-at-most", type=int, help="validation pairs of a task, drawn with seed 0")
    parser.add_argument("--crossed", action="append", default=[], help="A:B, two tasks that label the same pairs")
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "recipes" / "sohu_small.yaml")
    parser.add_argument("--set", action="append", default=[], help="key=value, for all ways")
    parser.add_argument("--ways", default=",".join(ways), help="only these")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    whole = TaskSet.load(arguments.tasks).subset(arguments.only.split(","))
    scores: Scores = {}
    crossed: Scores = {}
    for seed in range(arguments.seeds):
        for way in arguments.ways.split(","):
            folders = {}
            for names in [(task,) for task in whole.names] if way in separate else [whole.names]:
                out = arguments.work / f"{way}-{'-'.join(names)}-{seed}"
                settings = (*ways[way], *arguments.set, f"seed={seed}")
                judged = _train(arguments, whole.subset(names), out, settings)
                folders |= dict.fromkeys(names, out)
                for task in names:
                    row = scores.setdefault(way, {}).setdefault(task, {"f1": [], "auc": []})
                    row["f1"].append(judged[task]["f1"])
                    row["auc"].append(judged[task]["auc"])
            for both in arguments.crossed:
                row = crossed.setdefault(way, {}).setdefault(both, {})
                for key, value in _cross(arguments, whole, both.split(":"), folders).items():
                    row.setdefault(key, []).append(value)
            _write(scores, crossed, arguments)


def _train(arguments: argparse.Namespace, tasks: TaskSet, out: Path, settings: Sequence[str]) -> dict:
    if not (out / "matching.json").exists():
        if out.exists() and not (out / "run.json").exists():
            shutil.rmtree(out)
        training, validation = (read_split(arguments.data, tasks, split) for split in ("train", "valid"))
        training = {name: _some(pairs, arguments.at_most) for name, pairs in training.items()}
        validation = {name: _some(pairs, arguments.judge_at_most) for name, pairs in validation.items()}
        train_matcher(
            training,
            validation,
            task_set=tasks,
            base=arguments.base,
            out=out,
            config=load_train_config(arguments.config, overrides=settings),
            resume=out.exists(),
            frozen_cache=arguments.work / "frozen",
            console=Console(stderr=True),
        )
    return json.loads((out / "validation.json").read_text(encoding="utf-8"))["tasks"]


def _some(pairs: list[Pair], at_most: int | None) -> list[Pair]:
    if at_most is None or len(pairs) <= at_most:
        return pairs
    rows = np.random.default_rng(0).choice(len(pairs), at_most, replace=False)
    return [pairs[i] for i in np.sort(rows).tolist()]


def _cross(
    arguments: argparse.Namespace, tasks: TaskSet, names: Sequence[str], folders: Mapping[str, Path]
) -> dict[str, float]:
    """Judges the pairs that two tasks have both labelled, each by the model that learned it."""
    file = folders[names[0]] / f"crossed-{'-'.join(names)}.json"
    if not file.exists():
        valid = read_split(arguments.data, tasks.subset(names), "valid")
        texts, labels = common_pairs(valid[names[0]], valid[names[1]])
        logits = np.stack([Matcher.from_pretrained(folders[n]).logits(texts, task=n) for n in names], 1)
        both, each = right_on_both(labels, logits)
        told = {
            "n": len(texts),
            "both": both,
            **dict(zip(names, each, strict=True)),
            "spearman": rank_correlation(logits),
        }
        file.write_text(json.dumps(told) + "\n", encoding="utf-8")
    told = json.loads(file.read_text(encoding="utf-8"))
    print(f"{' and '.join(names)}: right under both {told['both']:.1%}, Spearman {told['spearman']:.3f}", flush=True)
    return told


def _write(scores: Scores, crossed: Scores, arguments: argparse.Namespace) -> None:
    rows = {}
    for way, tasks in scores.items():
        f1 = np.mean([row["f1"] for row in tasks.values()], axis=0)
        auc = np.mean([row["auc"] for row in tasks.values()], axis=0)
        rows[way] = {
            "seeds": len(f1),
            "mean_f1": {"mean": float(f1.mean()), "std": float(f1.std())},
            "mean_auc": {"mean": float(auc.mean()), "std": float(auc.std())},
            "tasks": {
                task: {key: {"mean": float(np.mean(x)), "std": float(np.std(x))} for key, x in row.items()}
                for task, row in tasks.items()
            },
            "crossed": {
                both: {key: {"mean": float(np.mean(x)), "std": float(np.std(x))} for key, x in row.items()}
                for both, row in crossed.get(way, {}).items()
            },
        }
        print(
            f"{way:24} F1 {f1.mean():.3f} ± {f1.std():.3f}  AUC {auc.mean():.3f} ± {auc.std():.3f}  {len(f1)} seeds",
            flush=True,
        )
    result = {
        "judged_on": "valid, threshold and calibration from the other half, 20 splits",
        "settings": [arguments.config.name, *arguments.set],
        "tasks": arguments.only,
        "at_most": arguments.at_most,
        "judged_on_at_most": arguments.judge_at_most,
        "machine": describe_machine("torch", "transformers"),
        "threads": torch.get_num_threads(),
        "ways": rows,
    }
    path = Path(__file__).parent / "results" / f"{arguments.name}.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
