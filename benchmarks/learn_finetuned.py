"""Full fine-tuning on as few pairs as a standard is learned from, beside learning it: accuracy on valid.

    python benchmarks/learn_finetuned.py BASE DATA --model LEFT_OUT --cache DIR [--sizes 32,200] [--draws 3]

LEFT_OUT is the torch folder of a matcher trained without law, address, search, medical and paraphrase, DIR of --cache
that of learn_standard.py, whose samples and first draws are taken. Every layer learns, from the matcher's weights, the
new standard alone: ten epochs of 32 pairs or five of 200 (batches of some sixteen pairs, rate 5e-5, no dropout), each
once and chosen beforehand. Decisions at one half for both. `learned` is what the library does with the same pairs.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from learn_features import SampleReadings, load_sample
from learn_standard import FAMILIES, draws
from machine import describe_machine
from numpy.typing import NDArray

from yanmo.data import Pair, TaskSet
from yanmo.fit.matching.config import TrainConfig
from yanmo.fit.matching.run import train_matcher
from yanmo.match import Matcher
from yanmo.standard.learn_head import learn_head

RESULT = Path(__file__).parent / "results" / "learn_finetuned.json"
EPOCHS = {32: 10.0, 200: 5.0}


def main() -> None:
    """Trains and judges, writing the result after every standard."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sizes", default="32,200")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    task_set, rows = TaskSet.load("standards"), []
    for name in (name for names in FAMILIES.values() for name in names):
        task = task_set.task(name)
        places = {"model": str(given.model), "base": given.base, "data": given.data, "cache": given.cache, "only": None}
        train, valid = (load_sample(task, task_set, split, n=400, **places) for split in ("train", "valid"))
        texts, judged = (_texts(given.cache, task.folders[0], split) for split in ("train", "valid"))
        logits = {each: valid.logits[:, i] for i, each in enumerate(valid.names)}
        for n in (n for n in map(int, given.sizes.split(",")) if n <= len(train.labels) * 0.75):
            right: dict[str, list[float]] = {"fine-tuned": [], "learned": []}
            for drawn, _ in draws(train, n, given.draws):
                pairs = [Pair(*texts[i], int(train.labels[i]), None, i + 1, "train") for i in drawn.tolist()]
                tuned = _tuned_logits(pairs, judged, task_set.subset([name]), given.model, n_epochs=EPOCHS[n])
                head = learn_head(SampleReadings(train.take(drawn)), train.labels[drawn]).head
                for way, found in (("fine-tuned", tuned), ("learned", head.logits(logits, valid.vectors))):
                    right[way].append(float(((found >= 0) == valid.labels).mean()))
            shown = {
                way: {"mean": float(np.mean(each)), "std": float(np.std(each, ddof=1))} for way, each in right.items()
            }
            rows.append({"task": name, "n": n, "matches": float(valid.labels.mean())} | shown)
            print(name, n, {way: round(each["mean"], 3) for way, each in shown.items()}, flush=True)
        result = {"machine": describe_machine("torch"), "model": given.model.name, "draws": given.draws, "rows": rows}
        RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _texts(cache: Path, folder: str, split: str) -> list[tuple[str, str]]:
    kept = cache / f"{folder.replace('/', '-')}-{split}-400" / "texts.json"
    return [(a, b) for a, b in json.loads(kept.read_text(encoding="utf-8"))]


def _tuned_logits(
    pairs: list[Pair], judged: list[tuple[str, str]], tasks: TaskSet, base: Path, *, n_epochs: float
) -> NDArray[np.float32]:
    """Trains every layer on the pairs; logits of others."""
    config = TrainConfig(
        n_epochs=n_epochs,
        max_tokens=1024,
        learning_rate=5e-5,
        dropout_prob=0.0,
        average_decay=None,
        n_evaluations=1,
        evaluate_start=False,
        n_checkpoints=1,
        report_to=(),
    )
    (task,) = tasks.names
    with TemporaryDirectory() as work:
        out = Path(work) / "run"
        train_matcher({task: pairs}, {}, task_set=tasks, base=base, out=out, config=config)
        return Matcher.from_pretrained(out).logits(judged, task=task)


if __name__ == "__main__":
    main()
