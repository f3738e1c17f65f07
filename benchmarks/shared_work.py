"""What is computed once for many: two standards of one pair, one text against many, all pairs of two lists.

    python benchmarks/shared_work.py BASE DATA [--threads 2] [--repeats 5] [--parts both,search,grid]

Around BASE (twelve layers) stand matchers whose upper four layers are conditioned, and whose texts meet in the upper
0, 2, 4 or all layers; their weights beyond BASE are random, which changes no time. Texts are those of ssA/valid.txt.
``both`` is ``score_all`` over two standards against ``score`` of one, ``search`` one query against a thousand texts and
``grid`` all pairs of a hundred and a hundred, fresh and after ``encode_texts``; where all layers are joint, 200 of the
pairs stand for all. The grid is large: it is timed once, and only fresh. All ways take turns in one process; parts may
be measured one at a time.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import describe_machine
from turns import spread

from yanmo import Matcher
from yanmo.data import Budget, Task, TaskSet, read_split
from yanmo.encode import load_encoder
from yanmo.match import Architecture, HeadKind, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine, classifier_around, condition_plan
from yanmo.tokenize import PairEncoder, PairLayout, load_tokenizer

RESULT = Path(__file__).parent / "results" / "shared_work.json"
_LAYERS, _CONDITIONED = 12, 4
_JOINT = (0, 2, 4, 12)
_SAMPLE = 200
Pairs = list[tuple[str, str]]


def main() -> None:
    """Times every way of every matcher and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--parts", default="both,search,grid")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    [found] = read_split(arguments.data, TaskSet.load("sohu").subset(["ssA"]), "valid").values()
    texts = list(dict.fromkeys(text for pair in found for text in (pair.text0, pair.text1)))
    matchers = {n: _matcher(arguments.base, n_joint=n) for n in _JOINT}
    pairs = [(pair.text0, pair.text1) for pair in found[:100]]
    search = [(texts[0], text) for text in texts[1:1001]]
    grid = [(a, b) for a in texts[:100] for b in texts[100:200]]
    parts: dict[str, Callable[[], dict[str, object]]] = {
        "both": lambda: _both(matchers[_LAYERS], pairs, arguments.repeats),
        "search": lambda: _rates(matchers, search, arguments.repeats, encodes_before=True),
        "grid": lambda: _rates(matchers, grid, 1, encodes_before=False),
    }
    result = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    for name in arguments.parts.split(","):
        result[name] = {"threads": arguments.threads, "machine": describe_machine("torch"), **parts[name]()}
        RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _both(matcher: Matcher, pairs: Pairs, n: int) -> dict[str, object]:
    matcher.score_all(pairs)
    one, two = [], []
    for _ in range(n):
        one.append(_seconds(lambda: matcher.score(pairs, task="loose")))
        two.append(_seconds(lambda: matcher.score_all(pairs)))
    return {
        "n_pairs": len(pairs),
        "repeats": n,
        "conditioned_layers": f"{_CONDITIONED} of {_LAYERS}",
        "seconds_one": spread(one),
        "seconds_both": spread(two),
        "ratio": spread(b / a for a, b in zip(one, two, strict=True)),
    }


def _rates(matchers: dict[int, Matcher], pairs: Pairs, n: int, *, encodes_before: bool) -> dict[str, object]:
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    told: dict[str, list[float]] = {}
    for _ in range(n):
        for n_joint, matcher in matchers.items():
            chosen = pairs if n_joint < _LAYERS else pairs[:: len(pairs) // _SAMPLE]
            matcher.forget_texts()
            told.setdefault(f"joint {n_joint}", []).append(_rate(matcher, chosen))
            if encodes_before and n_joint < _LAYERS:
                seconds = _seconds(lambda matcher=matcher: matcher.encode_texts(texts))
                told.setdefault(f"joint {n_joint} encode_texts per second", []).append(len(texts) / seconds)
                told.setdefault(f"joint {n_joint} after encode_texts", []).append(_rate(matcher, chosen))
    base = told[f"joint {_LAYERS}"]
    return {
        "n_pairs": len(pairs),
        "repeats": n,
        "pairs_per_second": {name: spread(rates) for name, rates in told.items()},
        "times_of_joint_all": {
            name: spread(a / b for a, b in zip(rates, base, strict=True))
            for name, rates in told.items()
            if not name.endswith("second")
        },
    }


def _matcher(base: Path, *, n_joint: int) -> Matcher:
    torch.manual_seed(0)
    head = HeadKind.POOLED if n_joint else HeadKind.INTERACTION
    joint_from, layout = _LAYERS - n_joint, PairLayout.JOINT if n_joint == _LAYERS else PairLayout.SIDES
    architecture = Architecture(
        layout=layout, joint_from=joint_from, conditional_from=_LAYERS - _CONDITIONED, head=head
    )
    loaded = load_encoder(base, condition=condition_plan(architecture), joint_from=joint_from)
    classifier = classifier_around(loaded.encoder, loaded.config, architecture, n_tasks=2)
    budget = Budget(left=128, right=128)
    matching = MatchingFile(
        task_set=TaskSet(name="two", tasks=(Task(name="loose", budget=budget), Task(name="strict", budget=budget))),
        decisions={},
        model=architecture.model_dump(mode="json"),
    )
    encoder = PairEncoder(load_tokenizer(base), layout=layout, prefix="")
    return Matcher(TorchEngine(classifier, loaded.config), encoder, matching)


def _rate(matcher: Matcher, pairs: Pairs) -> float:
    return len(pairs) / _seconds(lambda: matcher.score(pairs, task="strict"))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
