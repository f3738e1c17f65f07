"""Training on pairs of all lengths: Yanmo beside transformers' Trainer, the same network, pairs and step size.

    python benchmarks/train.py BASE DATA --work DIR [--width 768] [--steps 8] [--repeats 5] [--threads 2]

BASE is an encoder's Hugging Face folder, DATA holds the six Sohu folders, DIR keeps the models made here. The network
is BASE (with --width, a random encoder of that width: speed does not depend on weights) under a head on its first
token; all of it learns, by AdamW, 32 pairs a step on average. Each way plans its batches over all training pairs in
their own shares, as it would in a real run: Yanmo by token budget, transformers by its default sampler and by
group_by_length. Of these batches every way trains the same number, spread evenly over the lengths, in a process of its
own, taking turns with the others. Texts are cut beforehand, so that all read the same tokens. As no two ways draw the
same pairs, pairs a second are real tokens a second over the mean tokens of a pair; loading and tokenizing are told
apart.
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from peer_training import TASKS, TRAIN_CONFIG, Labelled
from transformers.trainer_pt_utils import LengthGroupedSampler
from turns import Contender, Told, all_turns, spread

from yanmo.data import TaskSet, read_split
from yanmo.encode import build_encoder, load_encoder, save_encoder
from yanmo.export.transformers_tokenizer import write_pair_tokenizer
from yanmo.fit.loop.sampler import plan_batches
from yanmo.tokenize import PairEncoder, load_tokenizer

RESULT = Path(__file__).parent / "results" / "train.json"
_OURS = "yanmo"
_PEERS = ("transformers default sampler", "transformers group_by_length")
# Tokens of a text; two of them fit the positions of every base.
_ROOM = 250

Batches = list[list[int]]


def main() -> None:
    """Makes the models and batches, lets every way train in turn and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--width", type=int)
    parser.add_argument("--batch", type=int, default=32, help="pairs a step")
    parser.add_argument("--steps", type=int, default=8, help="of a turn")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    work = arguments.work / f"train-width-{arguments.width or 'base'}"
    shutil.rmtree(work, ignore_errors=True)
    pair_encoder = _write_models(arguments.base, work, width=arguments.width)
    pairs = _pairs(arguments.data, pair_encoder)
    encoded = pair_encoder.encode_batch([(a, b) for a, b, _ in pairs], budgets=TASKS.tasks[0].budget.of_pairs)
    lengths = np.array([len(each) for each in encoded])
    contenders, samples, whole = {}, {}, {}
    for name, batches in _plans(lengths, arguments.batch).items():
        whole[name] = batches
        samples[name] = _spread_over_lengths(batches, lengths, arguments.steps)
        file = work / f"{name.replace(' ', '-')}.json"
        file.write_text(json.dumps(_renumbered(samples[name], pairs), ensure_ascii=False), encoding="utf-8")
        command = [Path(__file__).with_name("peer_training.py"), name, work, file, "--threads", arguments.threads]
        contenders[name] = Contender(*command, n_threads=arguments.threads)
        n_tokens = sum(int(lengths[batch].sum()) for batch in samples[name])
        if contenders[name].hello["tokens"] != n_tokens:
            raise RuntimeError(f"{name} reads {contenders[name].hello['tokens']} tokens of {n_tokens}")
    turns = all_turns(contenders, arguments.repeats)
    for contender in contenders.values():
        contender.end()
    mean = float(lengths.mean())
    result = _table(turns, contenders, mean) | {
        "pairs": len(pairs),
        "tokens_per_pair": mean,
        "pairs_per_step": {name: sum(map(len, batches)) / len(batches) for name, batches in whole.items()},
        "padding": {
            name: {"whole_run": _padding(whole[name], lengths), "turn": _padding(samples[name], lengths)}
            for name in whole
        },
        "machine": describe_machine("torch", "transformers", "accelerate", "tokenizers"),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": arguments.threads,
        "repeats": arguments.repeats,
        "steps_of_a_turn": arguments.steps,
    }
    table = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    table[f"width_{arguments.width or 'base'}_threads_{arguments.threads}"] = result
    RESULT.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _write_models(base: Path, work: Path, *, width: int | None) -> PairEncoder:
    """Writes the encoder that all start from, and its tokenizer as transformers reads it."""
    torch.manual_seed(0)
    loaded = load_encoder(base)
    encoder, config = loaded.encoder, loaded.config
    if width is not None:
        config = replace(
            config, width=width, embedding_width=width, n_layers=12, n_heads=width // 64, inner_width=4 * width
        )
        encoder = build_encoder(config)
    for name in ("base", "tokenizer"):
        (work / name).mkdir(parents=True)
    save_encoder(encoder, config, work / "base")
    load_tokenizer(base).save(work / "base")
    pair_encoder = PairEncoder(load_tokenizer(base), layout=TRAIN_CONFIG.architecture.layout)
    write_pair_tokenizer(pair_encoder, work / "tokenizer", budget=TASKS.tasks[0].budget, limit=config.max_tokens)
    return pair_encoder


def _pairs(data: Path, pair_encoder: PairEncoder) -> list[Labelled]:
    """All training pairs of the six tasks, long texts cut."""
    rows = [pair for some in read_split(data, TaskSet.load("sohu"), "train").values() for pair in some]
    texts = list(dict.fromkeys(text for row in rows for text in (row.text0, row.text1)))
    cut = {
        text: text if len(encoding.token_ids) <= _ROOM else text[: int(encoding.offsets[_ROOM - 1][1])]
        for text, encoding in zip(texts, pair_encoder.tokenizer.encode_batch(texts), strict=True)
    }
    return [(cut[row.text0], cut[row.text1], int(row.label)) for row in rows]


def _plans(lengths: np.ndarray, size: int) -> dict[str, Batches]:
    """One epoch of each way's batches; of transformers' all are full."""
    n, max_tokens = len(lengths), size * float(lengths.mean())
    # A budget of so many tokens is not quite filled; the second plan makes up for it.
    for _ in range(2):
        ours = plan_batches(
            lengths.tolist(), tasks=[0] * n, max_tokens=round(max_tokens), n_epochs=1.0, balance=1.0, seed=0
        )
        max_tokens *= size / ours.pairs_per_batch
    generator = torch.Generator().manual_seed(0)
    orders = {
        _PEERS[0]: np.random.default_rng(0).permutation(n).tolist(),
        _PEERS[1]: list(LengthGroupedSampler(size, lengths=lengths.tolist(), generator=generator)),
    }
    plans = {name: [order[i : i + size] for i in range(0, n - size + 1, size)] for name, order in orders.items()}
    return {_OURS: [batch.tolist() for batch in ours.batches], **plans}


def _spread_over_lengths(batches: Batches, lengths: np.ndarray, n: int) -> Batches:
    """Takes batches at even places of their order by mean length."""
    order = sorted(batches, key=lambda batch: float(lengths[batch].mean()))
    chosen = [order[int((i + 0.5) * len(order) / n)] for i in range(n)]
    return [chosen[i] for i in np.random.default_rng(0).permutation(n)]


def _renumbered(batches: Batches, pairs: list[Labelled]) -> dict[str, object]:
    numbers = {row: i for i, row in enumerate(dict.fromkeys(row for batch in batches for row in batch))}
    return {"pairs": [pairs[row] for row in numbers], "batches": [[numbers[row] for row in b] for b in batches]}


def _padding(batches: Batches, lengths: np.ndarray) -> float:
    """Computed tokens (rows times the longest row) over real ones."""
    computed = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return computed / sum(int(lengths[batch].sum()) for batch in batches)


def _table(turns: dict[str, list[Told]], contenders: dict[str, Contender], mean_tokens: float) -> dict[str, object]:
    rates = {
        name: [contenders[name].hello["tokens"] / told["seconds"] / mean_tokens for told in every]
        for name, every in turns.items()
    }
    hello = ("tokens", "learning_parameters", "seconds_to_load", "seconds_to_tokenize")
    return {
        "pairs_per_second": {name: spread(rate) for name, rate in rates.items()},
        "ratio": {
            peer: spread(ours / theirs for ours, theirs in zip(rates[_OURS], rates[peer], strict=True))
            for peer in _PEERS
        },
        "processor_seconds": {name: spread(told["processor_seconds"] for told in turns[name]) for name in turns},
        "loss": {name: [told["loss"] for told in every] for name, every in turns.items()},
        "ways": {name: {key: each.hello[key] for key in hello} for name, each in contenders.items()},
    }


if __name__ == "__main__":
    main()
