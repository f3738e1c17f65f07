"""Word tokenizer: ids against the original algorithm, characters per second against it and against transformers.

    python benchmarks/word_tokenizer.py VOCAB PAIRS.jsonl... [--repeats 5]

Texts are the fields text1 and text2 of the files. Every contestant tokenizes the same sample in turn, repeated; CPU
seconds of one thread are counted and medians compared. Identity is checked on all texts.
"""

import argparse
import json
import logging
import platform
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import jieba
from transformers import RoFormerTokenizer

from yanmo.tokenize import load_tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tokenize"))
from original import OriginalTokenizer

RESULT = Path(__file__).parent / "results" / "word_tokenizer.json"


def main() -> None:
    """Checks identity, times everyone in turn, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vocab", type=Path)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sample", type=int, default=4000, help="texts timed in every repetition")
    arguments = parser.parse_args()
    jieba.setLogLevel(logging.ERROR)
    texts = list(dict.fromkeys(text for path in arguments.pairs for text in _texts(path)))
    ours = load_tokenizer(arguments.vocab)
    original = OriginalTokenizer(ours.vocabulary.ids, lambda text: jieba.lcut(text, HMM=False))
    # Given the table itself: from a bare vocab.txt, transformers 5.23 splits to characters in silence.
    theirs = RoFormerTokenizer(vocab=ours.vocabulary.ids)
    different = [text for text in texts if ours.ids(text) != original.ids(text)]
    # Every text of the sample is new to the cache: the timed tokenizer is a fresh one.
    sample = texts[:: max(1, len(texts) // arguments.sample)]
    speeds: dict[str, list[float]] = {}
    for _ in range(arguments.repeats):
        fresh = load_tokenizer(arguments.vocab)
        contestants = {
            "yanmo ids": lambda fresh=fresh: [fresh.ids(text) for text in sample],
            "yanmo ids and offsets": lambda fresh=fresh: fresh.encode_batch(sample),
            "original algorithm": lambda: [original.ids(text) for text in sample],
            "transformers RoFormerTokenizer": lambda: [
                theirs.encode(text, add_special_tokens=False) for text in sample
            ],
        }
        for name, run in contestants.items():
            started = time.process_time()
            run()
            speeds.setdefault(name, []).append(sum(map(len, sample)) / (time.process_time() - started))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    same_as_theirs = sum(ours.ids(t) == theirs.encode(t, add_special_tokens=False) for t in sample)
    result = {
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
        "versions": {name: version(name) for name in ("yanmo", "transformers", "tokenizers", "jieba", "rjieba")},
        "texts": len(texts),
        "texts_with_other_ids_than_the_original": len(different),
        "sample": {
            "texts": len(sample),
            "characters": sum(map(len, sample)),
            "same_ids_as_transformers": same_as_theirs,
        },
        "characters_per_cpu_second": {name: round(value) for name, value in medians.items()},
        "ratio_to_original": medians["yanmo ids"] / medians["original algorithm"],
        "ratio_to_transformers": medians["yanmo ids"] / medians["transformers RoFormerTokenizer"],
        "ratio_to_transformers_with_offsets": medians["yanmo ids and offsets"]
        / medians["transformers RoFormerTokenizer"],
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _texts(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return [row[name] for row in rows for name in ("text1", "text2")]


if __name__ == "__main__":
    main()
