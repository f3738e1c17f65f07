"""Words against characters: one encoder, the same texts, a vocabulary of words and one of characters.

    python benchmarks/words_vs_characters.py BASE CORPUS DATA --characters VOCAB --words VOCAB --work DIR
        [--part tokens|speed|pretrain|match ...] [--tokens 1000000] [--seeds 3]

BASE is any encoder; both sides start from it by ``wordify``, one with the character vocabulary, one with the words.
``tokens`` counts tokens and truncated long pairs, ``speed`` times scoring at 128, 256 and 512 characters and a training
step, ``pretrain`` trains both on the same number of tokens (equal compute; words then see more text) and reads nats per
character of the same hidden words, ``match`` fine-tunes both results on ssA and ssB for the same number of tokens and
seeds. Each part adds to results/words_vs_characters.json; finished runs in DIR are not repeated, killed ones go on.
Parts but the first print timings or depend on them: run them on an idle machine.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from machine import describe_machine
from rich.console import Console

from yanmo.data import TaskSet, read_split
from yanmo.encode import TokenBatch, load_encoder
from yanmo.encode.wordify import wordify
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.fit.pretraining.config import load_pretrain_config
from yanmo.fit.pretraining.run import pretrain
from yanmo.tokenize import Tokenizer, load_tokenizer

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "words_vs_characters.json"
SIDES = ("characters", "words")
LENGTHS = (128, 256, 512)
N_TEXTS, N_REPEATS = 32, 7


def main() -> None:
    """Measures the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "corpus", "data"):
        parser.add_argument(name, type=Path)
    for name in ("--characters", "--words", "--work"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--part", action="append", choices=["tokens", "speed", "pretrain", "match"])
    parser.add_argument("--tokens", type=int, default=1_000_000, help="tokens that each side is pretrained on")
    parser.add_argument("--match-tokens", type=int, default=600_000, help="tokens that each matcher is trained on")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--precision", default="float32", help="of both trainings, such as bfloat16")
    parser.add_argument("--n-layers", type=int, default=6, help="layers of the base that are kept")
    arguments = parser.parse_args()
    folders = {}
    for side in SIDES:
        folders[side] = arguments.work / side
        if not folders[side].exists():
            wordify(arguments.base, getattr(arguments, side), out=folders[side])
    result = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    result["machine"] = describe_machine("torch", "transformers")
    result["threads"] = torch.get_num_threads()
    parts = {"tokens": _tokens, "speed": _speed, "pretrain": _pretrain, "match": _match}
    for part in arguments.part or parts:
        result[part] = parts[part](arguments, folders)
        RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print(part, json.dumps(result[part], ensure_ascii=False, indent=1), flush=True)


def _tokens(arguments: argparse.Namespace, folders: dict[str, Path]) -> dict:
    tasks, table = TaskSet.load("sohu"), {}
    pairs = read_split(arguments.data, tasks, "valid")
    for side, folder in folders.items():
        tokenizer = load_tokenizer(folder)
        counts = {
            name: [[_n_tokens(tokenizer, text) for text in (p.text0, p.text1)] for p in rows]
            for name, rows in pairs.items()
        }
        table[side] = {
            "vocabulary": tokenizer.vocab_size,
            "characters_per_token": {
                name: sum(len(p.text0) + len(p.text1) for p in pairs[name]) / float(np.sum(rows))
                for name, rows in counts.items()
            },
            "pairs_over_512_tokens": {
                name: float(np.mean([sum(row) + 3 > 512 for row in rows])) for name, rows in counts.items()
            },
        }
    return table


def _n_tokens(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text).token_ids)


def _speed(arguments: argparse.Namespace, folders: dict[str, Path]) -> dict:
    """Median seconds, both sides in turn within every repetition, tokenizing included."""
    pairs = read_split(arguments.data, TaskSet.load("sohu").subset(["llA"]), "train")["llA"]
    texts = [pair.text0 for pair in pairs if len(pair.text0) >= max(LENGTHS)][:N_TEXTS]
    encoders = {side: load_encoder(folder, n_layers=arguments.n_layers).encoder for side, folder in folders.items()}
    tokenizers = {side: load_tokenizer(folder) for side, folder in folders.items()}
    table: dict = {"texts": len(texts), "n_layers": arguments.n_layers, "repetitions": N_REPEATS}
    for length in LENGTHS:
        seconds: dict[str, dict[str, list[float]]] = {"scoring": {}, "training_step": {}}
        for _ in range(N_REPEATS):
            for side in SIDES:
                for what, passes in (("scoring", _score), ("training_step", _step)):
                    began = time.perf_counter()
                    for start in range(0, len(texts), 8):
                        few = [text[:length] for text in texts[start : start + 8]]
                        passes(encoders[side], tokenizers[side], few)
                    seconds[what].setdefault(side, []).append(time.perf_counter() - began)
        table[str(length)] = {
            what: {
                **{f"{side}_texts_per_second": len(texts) / median(times) for side, times in each.items()},
                "words_over_characters": median(each["characters"]) / median(each["words"]),
            }
            for what, each in seconds.items()
        }
    return table


def _batch(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenBatch:
    ids = [e.token_ids[:510] for e in tokenizer.encode_batch(texts)]
    rows = torch.full((len(ids), max(map(len, ids)) + 2), tokenizer.pad_id)
    mask = torch.zeros(rows.shape, dtype=torch.bool)
    for row, found in enumerate(ids):
        whole = [tokenizer.cls_id, *found.tolist(), tokenizer.sep_id]
        rows[row, : len(whole)] = torch.tensor(whole)
        mask[row, : len(whole)] = True
    zeros = torch.zeros_like(rows)
    return TokenBatch(rows, zeros, torch.arange(rows.shape[1]).expand_as(rows), zeros, mask)


def _score(encoder: torch.nn.Module, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    with torch.inference_mode():
        encoder.eval()(_batch(tokenizer, texts), None)


def _step(encoder: torch.nn.Module, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    batch = _batch(tokenizer, texts)
    encoder.train()(batch, None)[batch.mask].square().mean().backward()
    encoder.zero_grad()


def _pretrain(arguments: argparse.Namespace, folders: dict[str, Path]) -> dict:
    table = {}
    for side, folder in folders.items():
        out = arguments.work / f"pretrained-{side}-{arguments.n_layers}"
        finished = out / "pretraining.json"
        if not finished.exists():
            settings = [f"n_layers={arguments.n_layers}", f"n_tokens={arguments.tokens}"]
            settings.append(f"precision={arguments.precision}")
            config = load_pretrain_config(ROOT / "recipes" / "pretrain_small.yaml", overrides=settings)
            pretrain(
                [arguments.corpus],
                base=folder,
                out=out,
                config=config,
                resume=out.exists(),
                cache=arguments.work / "tokens",
                console=Console(stderr=True),
            )
        ended = json.loads(finished.read_text(encoding="utf-8"))
        table[side] = {"tokens": ended["n_tokens"], "steps": ended["n_steps"], "curve": ended["curve"]}
    table["precision"] = arguments.precision
    return table


def _match(arguments: argparse.Namespace, folders: dict[str, Path]) -> dict:
    tasks = TaskSet.load("sohu").subset(["ssA", "ssB"])
    training, validation = (read_split(arguments.data, tasks, split) for split in ("train", "valid"))
    n_layers, table = arguments.n_layers, {}
    for side in folders:
        base = arguments.work / f"pretrained-{side}-{n_layers}"
        tokenizer = load_tokenizer(base)
        n_tokens = sum(_n_tokens(tokenizer, t) for rows in training.values() for p in rows for t in (p.text0, p.text1))
        judged = []
        for seed in range(arguments.seeds):
            out = arguments.work / f"matched-{side}-{n_layers}-{seed}"
            if not (out / "matching.json").exists():
                half = n_layers // 2
                config = load_train_config(
                    ROOT / "recipes" / "sohu_small.yaml",
                    overrides=[
                        f"seed={seed}",
                        f"precision={arguments.precision}",
                        f"n_epochs={arguments.match_tokens / n_tokens}",
                        f"architecture.joint_from={n_layers}",
                        f"architecture.conditional_from={half}",
                        f"frozen_layers={half}",
                        'architecture.prefix=""',
                    ],
                )
                train_matcher(
                    training,
                    validation,
                    task_set=tasks,
                    base=base,
                    out=out,
                    config=config,
                    resume=out.exists(),
                    frozen_cache=arguments.work / "frozen",
                    console=Console(stderr=True),
                )
            judged.append(json.loads((out / "validation.json").read_text(encoding="utf-8"))["tasks"])
        table[side] = {"seeds": arguments.seeds, "epochs": arguments.match_tokens / n_tokens}
        for measure in ("f1", "auc"):
            means = [np.mean([tasks[name][measure] for name in tasks]) for tasks in judged]
            table[side][f"mean_{measure}"] = {"mean": float(np.mean(means)), "std": float(np.std(means))}
    table["precision"] = arguments.precision
    table["judged_on"] = "valid, threshold and calibration from the other half, 20 splits"
    return table


if __name__ == "__main__":
    main()
