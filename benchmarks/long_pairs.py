"""Pairs longer than their budget: how much to read, from which end, or all of it in windows with their maximum or mean.

    python benchmarks/long_pairs.py RUN DATA --work DIR [--pairs 100] [--seconds 100]

RUN is a matcher that knows the Sohu tasks of long texts. It was trained on cut pairs and only scores here, the same
pairs under other budgets: a test of settings on validation data, calibration and threshold of every pair from the half
it is not in (20 splits). Gains of the mean AUC over the setting it was trained with are bootstrapped text by text.

What is scored is kept in DIR, and the table is of what is there; after ``--seconds`` it stops, the same call goes on.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from machine import describe_machine

from yanmo.data import Budget, Pair, Task, read_split
from yanmo.evaluate import Judgement, TaskScores, judge_across_halves, roc_auc
from yanmo.match import Matcher
from yanmo.match.engines.pair_rows import encode_rows

RESULT = Path(__file__).parent / "results" / "long_pairs.json"
SCORES = "scores.jsonl"
N_BOOTSTRAP = 1000
TRAINED = "cut, head 0.75"
WINDOWS = {f"{pool} of {n}": {"windows": {"at_most": n, "pool": pool}} for n in (2, 4) for pool in ("max", "mean")}
SETTINGS = {
    TRAINED: (1.0, {"head": 0.75}),
    "cut, head 1": (1.0, {"head": 1.0}),
    "cut, head 0.5": (1.0, {"head": 0.5}),
    **{name: (1.0, changes) for name, changes in WINDOWS.items()},
    "half, cut, head 0.75": (0.5, {"head": 0.75}),
    "half, cut, head 1": (0.5, {"head": 1.0}),
    "half, max of 4": (0.5, WINDOWS["max of 4"]),
    "half, mean of 4": (0.5, WINDOWS["mean of 4"]),
}
"""Factor on the task's own budget, and what else changes in it."""

Texts = tuple[str, str]
Scored = dict[str, dict[str, dict[str, float]]]
"""Logit, tokens computed and tokens left out of one pair, by task and setting."""


def main() -> None:
    """Scores what is missing, as far as time allows, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="where scores are kept")
    parser.add_argument("--only", default="slA,slB,llA,llB")
    parser.add_argument("--pairs", type=int, help="only so many of each task")
    parser.add_argument("--seconds", type=float, default=np.inf)
    arguments = parser.parse_args()
    matcher = Matcher.from_pretrained(arguments.run)
    wanted = matcher.matching.task_set.subset(arguments.only.split(","))
    split = {name: pairs[: arguments.pairs] for name, pairs in read_split(arguments.data, wanted, "valid").items()}
    arguments.work.mkdir(parents=True, exist_ok=True)
    score_missing(matcher, split, arguments.work / SCORES, seconds=arguments.seconds)
    scored = read_scores(arguments.work / SCORES)
    there = {name: [pair for pair in pairs if (pair.text0, pair.text1) in scored] for name, pairs in split.items()}
    write_table(matcher, there, scored, run=arguments.run.name)


def score_missing(matcher: Matcher, split: Mapping[str, Sequence[Pair]], path: Path, *, seconds: float) -> None:
    """Scores every pair under its tasks in all settings at once."""
    tasks: dict[Texts, list[str]] = {}
    for name, pairs in split.items():
        for pair in pairs:
            tasks.setdefault((pair.text0, pair.text1), []).append(name)
    missing = [texts for texts in tasks if texts not in read_scores(path)]
    began = time.monotonic()
    with path.open("a", encoding="utf-8") as file:
        for i, texts in enumerate(missing):
            if time.monotonic() - began > seconds:
                print(f"{len(missing) - i} of {len(tasks)} pairs are left; call again", flush=True)
                return
            entry = {"texts": texts, "scored": score_pair(matcher, texts, tasks=list(dict.fromkeys(tasks[texts])))}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()


def score_pair(matcher: Matcher, texts: Texts, *, tasks: Sequence[str]) -> Scored:
    """Scores one pair in one call, in which settings share the windows they have in common."""
    task_set = matcher.matching.task_set
    encoded = {}
    for setting, (factor, changes) in SETTINGS.items():
        changed = tuple(change_budget(task, factor, changes) for task in task_set.tasks)
        varied = task_set.model_copy(update={"tasks": changed})
        encoded[setting] = encode_rows([texts], tasks=tasks, task_set=varied, pair_encoder=matcher.pair_encoder)
    rows = [row for each in encoded.values() for row in each.rows]
    logits = matcher.engine.logits(rows, [index for each in encoded.values() for index in each.row_tasks])
    scored: Scored = {task: {} for task in tasks}
    for setting, each in encoded.items():
        own, logits = np.split(logits, [len(each.rows)])
        for task, logit, windowed in zip(tasks, each.pool(own)[0].tolist(), each.pairs[0], strict=True):
            n_tokens = sum(map(len, windowed.windows))
            scored[task][setting] = {"logit": logit, "tokens": n_tokens, "unread": sum(windowed.n_cut)}
    return scored


def change_budget(task: Task, factor: float, changes: Mapping[str, object]) -> Task:
    """Gives the task with a part of its budget and other fields of it."""
    own = task.budget
    values = {"left": int(own.left * factor), "right": int(own.right * factor), "head": own.head, **changes}
    return task.model_copy(update={"budget": Budget.model_validate(values)})


def read_scores(path: Path) -> dict[Texts, Scored]:
    """Reads what was scored so far."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines]
    return {tuple(entry["texts"]): entry["scored"] for entry in entries}


def write_table(
    matcher: Matcher, split: Mapping[str, Sequence[Pair]], scored: Mapping[Texts, Scored], *, run: str
) -> None:
    """Judges every setting, prints and writes the result."""

    def column(setting: str, field: str) -> dict[str, np.ndarray]:
        return {
            name: np.array([scored[pair.text0, pair.text1][name][setting][field] for pair in pairs])
            for name, pairs in split.items()
        }

    settings = {}
    for setting in SETTINGS:
        logits, tokens, unread = (column(setting, field) for field in ("logit", "tokens", "unread"))
        labels = {name: np.array([pair.label for pair in pairs]) for name, pairs in split.items()}
        judged = judge_across_halves([TaskScores(name, name[2:], labels[name], logits[name]) for name in split])
        low, high = gain_interval(split, labels, logits, column(TRAINED, "logit"))
        cost = {
            name: {"tokens": float(tokens[name].mean()), "not_read_whole": float((unread[name] > 0).mean())}
            for name in split
        }
        settings[setting] = describe(judged, cost) | {"mean_auc_gain_interval": [low, high]}
        means = " ".join(f"{key} {settings[setting][key]:.3f}" for key in ("mean_f1", "mean_auc"))
        each = "  ".join(f"{name} {report.f1:.3f}/{report.auc:.3f}" for name, report in judged.tasks.items())
        print(f"{setting:22} {means} [{low:+.3f}, {high:+.3f}]  {each}", flush=True)
    result = {
        "judged_on": "valid, threshold and calibration from the other half, 20 splits; a test of settings",
        "run": run,
        "budgets": {name: matcher.matching.task_set.task(name).budget.model_dump(mode="json") for name in split},
        "pairs": {name: len(pairs) for name, pairs in split.items()},
        "machine": describe_machine("torch"),
        "settings": settings,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def describe(judged: Judgement, cost: Mapping[str, Mapping[str, float]]) -> dict[str, object]:
    """Gives what is written of a setting."""
    fields = ("f1", "f1_interval", "auc", "auc_interval")
    return {
        "mean_f1": float(np.mean([report.f1 for report in judged.tasks.values()])),
        "mean_auc": float(np.mean([report.auc for report in judged.tasks.values()])),
        "tasks": {
            name: {field: getattr(report, field) for field in fields} | cost[name]
            for name, report in judged.tasks.items()
        },
    }


def gain_interval(
    split: Mapping[str, Sequence[Pair]],
    labels: Mapping[str, np.ndarray],
    logits: Mapping[str, np.ndarray],
    before: Mapping[str, np.ndarray],
) -> tuple[float, float]:
    """Bootstraps the gain of the mean AUC; a pair is drawn with all its labels, as often in both settings."""
    texts = list(dict.fromkeys((pair.text0, pair.text1) for pairs in split.values() for pair in pairs))
    number = {pair: i for i, pair in enumerate(texts)}
    places = {name: [number[pair.text0, pair.text1] for pair in pairs] for name, pairs in split.items()}
    rng, gains = np.random.default_rng(0), []
    for _ in range(N_BOOTSTRAP):
        counts = np.bincount(rng.integers(len(texts), size=len(texts)), minlength=len(texts))
        gain = []
        for name, place in places.items():
            rows = np.repeat(np.arange(len(place)), counts[place])
            gain.append(
                roc_auc(labels[name][rows], logits[name][rows]) - roc_auc(labels[name][rows], before[name][rows])
            )
        gains.append(np.mean(gain))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()
