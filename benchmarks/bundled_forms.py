"""The bundled matcher in several forms of weights: speed at 32 and 128 tokens, scores in company, AUC by standard.

    python benchmarks/bundled_forms.py DATA --model NAME=FOLDER [--model ...] [--pairs 500] [--turns 7]

The bundled folder itself is the first form, called ``bundled``, which all others are held against. Milliseconds are of
processor time on one thread, forms taking turns: other work on the machine cannot make them wait, though it slows all
alike. Of valid or dev every standard gives the same pairs, spread evenly, to every form, so that differences of AUC are
of rounding alone. Goes to results/bundled_forms.json, anew after every standard.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
from machine import describe_machine
from turns import spread

from yanmo import Matcher
from yanmo.data import Pair, read_split
from yanmo.evaluate import roc_auc
from yanmo.tokenize import EncodedPair

RESULT = Path(__file__).parent / "results" / "bundled_forms.json"
LENGTHS = (32, 128)
N_IN_COMPANY = 48


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    start = time.process_time()
    matchers = {"bundled": Matcher.default(n_threads=1)}
    loading = {"bundled": time.process_time() - start}
    for named in arguments.model:
        name, _, folder = named.partition("=")
        start = time.process_time()
        matchers[name] = Matcher.from_pretrained(folder, n_threads=1)
        loading[name] = time.process_time() - start
    split = read_split(arguments.data, matchers["bundled"].matching.task_set, "valid")
    some = {
        name: pairs
        if len(pairs) <= arguments.pairs
        else [pairs[i * len(pairs) // arguments.pairs] for i in range(arguments.pairs)]
        for name, pairs in split.items()
    }
    result: dict[str, object] = {
        "machine": describe_machine("onnxruntime", "numpy"),
        "threads": 1,
        "at_most_pairs_of_a_standard": arguments.pairs,
        "loading_processor_seconds": loading,
        "speed": {str(length): _speed(matchers, split["ssA"], length, arguments.turns) for length in LENGTHS},
        "in_company": {name: _in_company(matcher, split["ssA"][:N_IN_COMPANY]) for name, matcher in matchers.items()},
        "standards": {},
    }
    _write(result)
    for standard, pairs in some.items():
        result["standards"][standard] = _standard(matchers, standard, pairs)
        _write(result)
        print(standard, json.dumps(result["standards"][standard]), flush=True)


def _speed(matchers: dict[str, Matcher], pairs: list[Pair], length: int, n_turns: int) -> dict[str, object]:
    """Milliseconds of the pair nearest a length, cut to it, and times of the bundled form's within each turn."""
    rows = matchers["bundled"].rows([(pair.text0, pair.text1) for pair in pairs[:200]], tasks=["ssA"]).rows
    pair = _cut(min(rows, key=lambda row: (len(row) < length, abs(len(row) - length))), length)
    taken: dict[str, list[float]] = {name: [] for name in matchers}
    for turn in range(n_turns + 1):
        for name in list(matchers)[:: 1 - 2 * (turn % 2)]:
            began = time.process_time()
            for _ in range(4):
                matchers[name].engine.logits([pair], [0])
            if turn:
                taken[name].append(250 * (time.process_time() - began))
    first = taken["bundled"]
    print(length, {name: round(median(values), 1) for name, values in taken.items()}, flush=True)
    return {
        "tokens": len(pair),
        "milliseconds": {name: spread(values) for name, values in taken.items()},
        "times_of_the_bundled_time": {
            name: spread(a / b for a, b in zip(values, first, strict=True)) for name, values in taken.items()
        },
    }


def _cut(pair: EncodedPair, length: int) -> EncodedPair:
    """The first tokens of either text, half of the length each where both have them."""
    kept = np.flatnonzero(pair.side == 0)[: length // 2].tolist()
    kept += np.flatnonzero(pair.side == 1)[: length - len(kept)].tolist()
    return EncodedPair(
        *(getattr(pair, name)[kept] for name in ("token_ids", "type_ids", "position_ids", "side")), (0, 0)
    )


def _in_company(matcher: Matcher, pairs: list[Pair]) -> dict[str, float]:
    """Scores that differ alone and in one batch, and by how much at most."""
    texts = [(pair.text0, pair.text1) for pair in pairs]
    together = matcher.score(texts, task="ssA")
    alone = np.array([matcher.score([each], task="ssA")[0] for each in texts])
    return {"pairs": len(pairs), "differ": int((alone != together).sum()), "by": float(np.abs(alone - together).max())}


def _standard(matchers: dict[str, Matcher], standard: str, pairs: list[Pair]) -> dict[str, object]:
    """AUC of every form, and how far its probabilities and decisions are from the bundled form's."""
    texts, labels = [(pair.text0, pair.text1) for pair in pairs], np.array([pair.label for pair in pairs])
    threshold = matchers["bundled"].matching.decision(standard).threshold
    scores = {name: matcher.score(texts, task=standard) for name, matcher in matchers.items()}
    first = scores["bundled"]
    return {
        "pairs": len(pairs),
        "auc": {name: roc_auc(labels, each) for name, each in scores.items()},  # none where one kind is missing
        "largest_difference": {name: float(np.abs(each - first).max()) for name, each in scores.items()},
        "mean_difference": {name: float(np.abs(each - first).mean()) for name, each in scores.items()},
        "decisions_changed": {
            name: int(((each >= threshold) != (first >= threshold)).sum()) for name, each in scores.items()
        },
    }


def _write(result: dict[str, object]) -> None:
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
