"""Text vectors by SimSiam and BYOL beside the same encoder untrained: Spearman, and collapse readings.

    python benchmarks/text_vectors.py BASE DATA --work DIR [--steps 80] [--layers 6] [--only simsiam --only byol]

BASE is an encoder's Hugging Face folder, DATA holds ``corpus/*.txt.xz`` and ``pairs/{stsb,lcqmc}/dev.jsonl``. Runs are
`yanmo train-vectors` with the overrides of `ARMS`; a finished run in DIR is read, an unfinished one gone on with. Dev
pairs are only judged on, never trained on; nothing is chosen by them. Differences to the untrained encoder have 95 %
intervals from 1,000 paired resamples of the rows.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from rich.console import Console
from scipy.stats import spearmanr

from yanmo.encode import load_encoder
from yanmo.fit.vectors.config import load_vector_config
from yanmo.fit.vectors.run import train_vectors
from yanmo.probe import collapse_reading
from yanmo.tokenize.fitting import load_fitting_tokenizer
from yanmo.vectors.embedder import Embedder
from yanmo.vectors.pooled import PooledEncoder, Pooling
from yanmo.vectors.sentence_folder import SentenceFolder

RESULT = Path(__file__).parent / "results" / "text_vectors.json"
CORPUS = ("queries_train_texts.txt.xz", "titles_briefs.txt.xz")
PAIRS = {"stsb": None, "lcqmc": 1000}
"""Rows of each dev set that are judged; None is all of them."""
ARMS = {
    "simsiam": ["method=simsiam"],
    "byol": ["method=byol"],
    "simsiam, rate x 5": ["method=simsiam", "learning_rate=1.5e-4"],
}


def main() -> None:
    """Trains, judges and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--prompt", default="query: ")
    parser.add_argument("--only", action="append", choices=ARMS)
    arguments = parser.parse_args()
    common = [
        f"n_steps={arguments.steps}",
        f"n_layers={arguments.layers}",
        f"frozen_layers={arguments.layers // 2}",
        f"prompt={json.dumps(arguments.prompt)}",
        "learning_rate=3e-5",
        "max_characters=40",
        "max_length=32",
        "n_checkpoints=2",
        "report_to=[]",
    ]
    pairs = {name: _pairs(arguments.data / "pairs" / name / "dev.jsonl", n) for name, n in PAIRS.items()}
    untrained, cosines = _judge(_untrained(arguments.base, arguments.layers, arguments.prompt), pairs)
    found = {"untrained": untrained}
    print("untrained", untrained, flush=True)
    for name in arguments.only or ARMS:
        out = arguments.work / name.replace(", ", "_").replace(" ", "-")
        began = time.process_time()
        if not (out / "vectors.json").exists():
            train_vectors(
                [arguments.data / "corpus" / file for file in CORPUS],
                base=arguments.base,
                out=out,
                config=load_vector_config(None, overrides=[*common, *ARMS[name]]),
                resume=(out / "run.json").exists(),
                console=Console(stderr=True),
            )
        judged, theirs = _judge(Embedder.from_pretrained(out), pairs)
        found[name] = judged | {
            "gain": {key: _gain(cosines[key], theirs[key], rows) for key, rows in pairs.items()},
            "overrides": ARMS[name],
            "cpu_seconds": round(time.process_time() - began),
            "run": json.loads((out / "vectors.json").read_text()),
            "readings": [json.loads(line) for line in (out / "collapse.jsonl").read_text().splitlines()],
        }
        print(
            name, {key: value for key, value in found[name].items() if key in (*PAIRS, "gain", "collapse")}, flush=True
        )
    result = {
        "machine": describe_machine("torch", "transformers"),
        "base": arguments.base.name,
        "corpus": CORPUS,
        "settings": common,
        "rows": {name: len(rows) for name, rows in pairs.items()},
        "spearman_of_the_cosine": found,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: {key: row[key] for key in PAIRS} for name, row in found.items()}, indent=1))


def _pairs(path: Path, n: int | None) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:n]


def _untrained(base: Path, n_layers: int, prompt: str) -> Embedder:
    loaded = load_encoder(base, n_layers=n_layers)
    layout = SentenceFolder(loaded.config.width, "mean", prompts={"default": prompt}, default_prompt="default")
    network = PooledEncoder(loaded.encoder, pooling=Pooling.MEAN)
    return Embedder(network, loaded.config, load_fitting_tokenizer(base, loaded.config), layout=layout)


def _judge(
    embedder: Embedder, pairs: dict[str, list[dict[str, object]]]
) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    judged: dict[str, object] = {}
    cosines = {}
    for name, rows in pairs.items():
        left, right = (torch.from_numpy(embedder.encode([str(row[key]) for row in rows])) for key in ("text1", "text2"))
        cosines[name] = (left * right).sum(1).numpy()
        judged[name] = float(spearmanr(cosines[name], [row["label"] for row in rows]).statistic)
        if name == "stsb":
            reading = collapse_reading(left, partners=right)
            judged["collapse"] = reading.readings("vectors") | {"verdict": reading.verdict.value}
    return judged, cosines


def _gain(before: np.ndarray, after: np.ndarray, rows: list[dict[str, object]]) -> dict[str, float]:
    labels = np.array([row["label"] for row in rows])
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(rows), len(rows)) for _ in range(1000)]
    gains = [spearmanr(after[i], labels[i]).statistic - spearmanr(before[i], labels[i]).statistic for i in drawn]
    low, high = np.quantile(gains, [0.025, 0.975]).tolist()
    return {"low": low, "mean": float(np.mean(gains)), "high": high}


if __name__ == "__main__":
    main()
