"""Word tokenizer: ids against the original algorithm, characters per second against it and against transformers.

    python benchmarks/word_tokenizer.py VOCAB PAIRS.jsonl... [--sohu DATA] [--repeats 9]

Identity is checked on all texts of PAIRS (fields text1 and text2) and, with ``--sohu``, on those of ssA and llA.

Speed is told for three kinds of text: ``short`` from PAIRS, ``sohu`` from ssA, and ``long``, llA cut to 1,000
characters. In every repetition all contestants in turn tokenize the same texts, which none of them has seen before:
what Yanmo remembers of words comes from other texts. Where ``few texts`` is said there are no others before the first
repetition; else the tokenizer has read the texts of the other kinds, so many that it has gone over to compiled code.
CPU seconds of the process are counted; ratios are taken within a repetition, and medians over all of them. Finding
words is bound by the caches, so other work on the machine slows Yanmo more than the original: the load average is told.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jieba
from machine import describe_machine
from transformers import RoFormerTokenizer

from yanmo.tokenize import WordTokenizer, load_tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tokenize"))
from original import OriginalTokenizer

RESULT = Path(__file__).parent / "results" / "word_tokenizer.json"
PEERS = {"original": "original algorithm", "transformers": "transformers RoFormerTokenizer"}

Contestants = dict[str, Callable[[Sequence[str]], object]]


def main() -> None:
    """Checks identity, times everyone in turn, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocab", type=Path)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--sohu", type=Path, help="the folder with ssA and llA")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--characters", type=int, default=150_000, help="of each kind in a repetition")
    arguments = parser.parse_args()
    jieba.setLogLevel(logging.ERROR)
    kinds = {"short": _texts(arguments.pairs, "text1", "text2")}
    if arguments.sohu:
        kinds["sohu"] = _texts([arguments.sohu / "ssA" / "train.txt"], "source", "target")
        kinds["long"] = _texts([arguments.sohu / "llA" / "train.txt"], "source", "target")
    ours = load_tokenizer(arguments.vocab)
    original = OriginalTokenizer(ours.vocabulary.ids, lambda text: jieba.lcut(text, HMM=False))
    # Given the table itself: from a bare vocab.txt, transformers 5.23 splits to characters in silence.
    theirs = RoFormerTokenizer(vocab=ours.vocabulary.ids)
    identity = {name: _identity(ours, original, texts) for name, texts in kinds.items()}
    read_before = kinds.copy()
    if arguments.sohu:
        kinds["long"] = [text[:1000] for text in kinds["long"] if len(text) >= 1000]
    speed = {}
    for name, texts in kinds.items():
        # Each way of calling has a tokenizer of its own, or one would learn words from another's turn.
        one, few, many, one_with, few_with, many_with = (load_tokenizer(arguments.vocab) for _ in range(6))
        for tokenizer in (one, many, one_with, many_with):
            for other, its_texts in read_before.items():
                if other != name:
                    tokenizer.ids_batch(its_texts)
        contestants: Contestants = {
            "yanmo ids, one by one": lambda sample, its=one: [its.ids(text) for text in sample],
            "yanmo ids_batch, few texts": few.ids_batch,
            "yanmo ids_batch": many.ids_batch,
            "yanmo encode (with offsets), one by one": lambda sample, its=one_with: [its.encode(t) for t in sample],
            "yanmo encode_batch (with offsets), few texts": few_with.encode_batch,
            "yanmo encode_batch (with offsets)": many_with.encode_batch,
            PEERS["original"]: lambda sample: [original.ids(text) for text in sample],
            PEERS["transformers"]: lambda sample: [theirs.encode(t, add_special_tokens=False) for t in sample],
        }
        speed[name] = _race(contestants, _samples(texts, arguments.repeats, arguments.characters))
        print(name, json.dumps(speed[name]["ratio_to_original"]), flush=True)
    checked = kinds["short"][:: max(1, len(kinds["short"]) // 4000)]
    result = {
        "machine": describe_machine("numpy", "numba", "transformers", "tokenizers", "jieba", "rjieba"),
        "vocabulary": arguments.vocab.name,
        "identity": identity,
        "same_ids_as_transformers": {
            "texts": len(checked),
            "same": sum(ours.ids(t) == theirs.encode(t, add_special_tokens=False) for t in checked),
        },
        "threads": 1,
        "load_average_of_a_minute": round(os.getloadavg()[0], 1),
        "repeats": arguments.repeats,
        "speed": speed,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _texts(paths: Sequence[Path], *fields: str) -> list[str]:
    rows = [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]
    return list(dict.fromkeys(row[name] for row in rows for name in fields))


def _identity(ours: WordTokenizer, original: OriginalTokenizer, texts: Sequence[str]) -> dict[str, int]:
    """Texts whose ids are other than the original's in any of the four ways of calling."""
    expected = [original.ids(text) for text in texts]
    together, encoded = ours.ids_batch(texts), ours.encode_batch(texts)
    different = sum(
        not (ours.ids(text) == ids == batch == encoding.token_ids.tolist() == ours.encode(text).token_ids.tolist())
        for text, ids, batch, encoding in zip(texts, expected, together, encoded, strict=True)
    )
    return {"texts": len(texts), "with_other_ids_than_the_original": different}


def _samples(texts: Sequence[str], repeats: int, n_characters: int) -> list[list[str]]:
    """Disjoint samples, each drawn from the whole of the texts."""
    mean = sum(map(len, texts)) / len(texts)
    size = max(1, min(round(n_characters / mean), len(texts) // repeats))
    step = len(texts) // (size * repeats)
    return [list(texts[i * step :: repeats * step][:size]) for i in range(repeats)]


def _race(contestants: Contestants, samples: Sequence[Sequence[str]]) -> dict[str, object]:
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for sample in samples:
        for name, run in contestants.items():
            started = time.process_time()
            run(sample)
            seconds[name].append((time.process_time() - started) / sum(map(len, sample)))
    n_texts, n_characters = len(samples[0]), sum(map(len, samples[0]))
    table: dict[str, object] = {
        "texts_in_a_repetition": n_texts,
        "mean_characters": round(n_characters / n_texts, 1),
        "characters_per_cpu_second": {name: round(1 / statistics.median(x)) for name, x in seconds.items()},
    }
    for key, peer in PEERS.items():
        ratios = {
            name: [theirs / ours for theirs, ours in zip(seconds[peer], x, strict=True)]
            for name, x in seconds.items()
            if name not in PEERS.values()
        }
        table[f"ratio_to_{key}"] = {name: round(statistics.median(x), 2) for name, x in ratios.items()}
        table[f"ratio_to_{key}_first_lowest_highest"] = {
            name: [round(x[0], 2), round(min(x), 2), round(max(x), 2)] for name, x in ratios.items()
        }
    return table


if __name__ == "__main__":
    main()
