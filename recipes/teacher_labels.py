"""Pairs that nobody labelled, labelled by trained matchers, for a student to learn from.

    python recipes/teacher_labels.py DATA --only ssA,ssB --teacher RUN --teacher RUN --frozen-cache CACHE --out soft
    yanmo train --data DATA --soft soft --base BASE --out runs/student ...

Two kinds of pairs are taken from the training texts: those labelled under one standard whose label under another is
neither known nor implied, and each text with the texts most like it by TF-IDF of character bigrams that it is not
paired with yet. Their label is the mean of the teachers' probabilities, from logits as they are: calibration was chosen
on validation pairs, which must not speak here. Teachers must have frozen layers, whose states the cache of their
training holds.

Source: arXiv:2010.08240 (augmented SBERT), with teachers of the student's own kind.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from yanmo import Matcher
from yanmo.atomic import replacing
from yanmo.data import TaskSet, read_split
from yanmo.fit.loop.precision import Precision, autocast
from yanmo.fit.matching.frozen import compute_states
from yanmo.fit.matching.implied import with_implied_labels
from yanmo.fit.matching.overlap import without_overlap
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize.batches import sorted_batches

Texts = tuple[str, str]


def main() -> None:
    """Reads the training pairs, makes new ones, has them labelled and writes a folder for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--teacher", type=Path, action="append", required=True, help="a matcher's folder, repeatable")
    parser.add_argument("--tasks", default="sohu")
    parser.add_argument("--only", required=True, help="tasks that share their pairs, such as ssA,ssB")
    parser.add_argument("--neighbors", type=int, default=1, help="new pairs for every text")
    parser.add_argument("--frozen-cache", type=Path, required=True, help="states of the frozen layers, as in training")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    tasks = TaskSet.load(arguments.tasks).subset(arguments.only.split(","))
    splits = [read_split(arguments.data, tasks, split) for split in ("train", "valid")]
    training, _ = without_overlap(*splits)
    judged = {frozenset((pair.text0, pair.text1)) for pairs in splits[1].values() for pair in pairs}
    known = {
        name: {(pair.text0, pair.text1) for pair in pairs}
        for name, pairs in with_implied_labels(training, tasks).items()
    }
    pairs = list(dict.fromkeys((pair.text0, pair.text1) for rows in training.values() for pair in rows))
    fresh = [pair for pair in neighbors(pairs, arguments.neighbors) if frozenset(pair) not in judged]
    print(f"{len(pairs):,} 对已有标注，{len(fresh):,} 对相近而未配对")
    open_pairs = {name: [pair for pair in (*pairs, *fresh) if pair not in known[name]] for name in tasks.names}
    labels = teach(open_pairs, arguments.teacher, arguments.frozen_cache)
    for task in tasks.tasks:
        first, second = tasks.text_columns(task)
        folder = arguments.out / task.folders[0]
        folder.mkdir(parents=True, exist_ok=True)
        rows = zip(open_pairs[task.name], labels[task.name].tolist(), strict=True)
        lines = [{first: a, second: b, task.column: round(label, 4)} for (a, b), label in rows]
        with replacing(folder / "train.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines), encoding="utf-8")
        print(f"{task.name}: {len(lines):,} 对，平均概率 {labels[task.name].mean():.3f}")


def neighbors(pairs: list[Texts], n: int) -> list[Texts]:
    """Gives every text with the ``n`` texts most like it that it is not paired with; each pair once."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    place = {text: i for i, text in enumerate(texts)}
    partners: dict[int, set[int]] = {i: {i} for i in range(len(texts))}
    for a, b in pairs:
        partners[place[a]].add(place[b])
        partners[place[b]].add(place[a])
    grams = TfidfVectorizer(analyzer="char", ngram_range=(2, 2), sublinear_tf=True, dtype=np.float32)
    vectors = grams.fit_transform(texts)
    found: list[Texts] = []
    for start in range(0, len(texts), 512):
        cosine = (vectors[start : start + 512] @ vectors.T).toarray()
        best = np.argpartition(-cosine, n + 8, axis=1)[:, : n + 8]
        for row, columns in enumerate(best):
            this = start + row
            ranked = sorted(columns.tolist(), key=lambda j, row=row, cosine=cosine: -cosine[row, j])
            # The same words in another spacing are no new pair.
            chosen = [j for j in ranked if j not in partners[this] and cosine[row, j] < 0.98][:n]
            for j in chosen:
                partners[j].add(this)
                partners[this].add(j)
                found.append((texts[this], texts[j]))
    return found


def teach(pairs: dict[str, list[Texts]], teachers: list[Path], cache: Path) -> dict[str, np.ndarray]:
    """Gives the mean of the teachers' probabilities for the pairs of each task."""
    sums = {name: np.zeros(len(rows)) for name, rows in pairs.items()}
    for folder in teachers:
        matcher = Matcher.from_pretrained(folder)
        told = matcher.matching.training
        # A mean of matchers tells how each of them was trained.
        settings = told.get("mean_of", [told])[0]["config"]
        for name, rows in pairs.items():
            logits = score(matcher, rows, name, settings["frozen_layers"], Precision(settings["precision"]), cache)
            sums[name] += 1 / (1 + np.exp(-logits.astype(np.float64)))
            print(f"{folder}: {len(rows):,} 对 {name}", flush=True)
    return {name: total / len(teachers) for name, total in sums.items()}


def score(
    matcher: Matcher, pairs: list[Texts], task: str, n_frozen: int, precision: Precision, cache: Path
) -> np.ndarray:
    """Gives the logits of one task, in the precision of the teacher's training and from its cached frozen states."""
    network, config = matcher.engine.classifier, matcher.engine.config
    rows = matcher.rows(pairs, tasks=[task])
    encoded, index = rows.rows, rows.task_indices[0]
    states = compute_states(
        network.encoder, encoded, config=config, n_layers=n_frozen, folder=cache, precision=precision
    )
    logits = np.empty(len(encoded), dtype=np.float32)
    with torch.inference_mode(), autocast(precision, network.task_bias.device):
        for chosen in sorted_batches([len(pair) for pair in encoded], max_tokens=4096):
            few = [encoded[i] for i in chosen]
            tasks = torch.full((len(few),), index)
            batch, known = collate(few, pad_id=config.pad_id), states.gather(few)
            logits[chosen] = network(batch, tasks, states=known, first_layer=n_frozen).float().numpy()
    return rows.pool(logits)[:, 0]


if __name__ == "__main__":
    main()
