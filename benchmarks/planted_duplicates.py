"""Planted duplicates among short texts: groups by a standard against MinHash, SimHash, vectors and semhash, one run.

    python benchmarks/planted_duplicates.py TEXTS.txt.xz... [--n 10000] [--task similar] [--labels 400] [--base E5]

A fifth of the rows are copies of other rows: harmless edits by ``yanmo.data.edits`` and deletions of one character by
chance are duplicates, hard edits are not. Texts that the corpus itself holds twice are dropped. What else of the corpus
says the same is not known and counts as a wrong merge for every way alike. Half of the planted families choose the
threshold of each peer (best F1), the other half judges all; every peer stands there twice, the second time with the
rule of ``dedup --apart`` (numbers, dates and names that differ) on its candidates. Yanmo stands there three times: by
the standard's own threshold; with the threshold, ``apart`` and ``overlap`` that the same half chooses; and, chosen
likewise, by a standard learned from ``--labels`` pairs of that half (0 leaves it out). Pairs are counted within the
rows of the judged half. CPU seconds of this process, learning included, and encoding, which is done once for all ways
that need the standard's vectors.
"""

import argparse
import json
import lzma
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
from candidate_vectors import mean_vectors
from machine import describe_machine

from yanmo import Matcher, learn_standard
from yanmo.collection import Groups, deduplicate
from yanmo.collection.apart import ApartRule, apart_rule
from yanmo.collection.lexical_pairs import lexical_pairs
from yanmo.collection.neighbors import NeighborSearch
from yanmo.collection.scoring import PairJudge
from yanmo.collection.text_vectors import TextVectors
from yanmo.collection.vector_folder import VectorFolder
from yanmo.data.edits import DifferenceKind, EditKind, edit_pairs
from yanmo.data.plain_text import shared_pairs

RESULT = Path(__file__).parent / "results" / "planted_duplicates.json"
_MOST_CHARACTERS = 40
_LEARNED = "same"
OVERLAPS = (0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
NAMED = tuple(kind for kind in DifferenceKind if kind.is_named)
# Of the peers' candidates so many times the planted pairs, best first, are worth a rule that takes its time.
_BEST = 5

Pair = tuple[int, int]
Scored = dict[Pair, float]


def main() -> None:
    """Plants, runs every way, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--task", default="similar")
    parser.add_argument("--labels", type=int, default=400)
    parser.add_argument("--candidates", type=int, help="of each text; without it as many as a recall of 0.98 takes")
    parser.add_argument("--base", type=Path, help="folder of the base, for its vectors, and static ones; needs torch")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    texts, family, truth = _planted(arguments.texts, arguments.n, arguments.seed)
    default, task = Matcher.default(n_threads=1), arguments.task
    tuned = {row for row in range(len(texts)) if family[row] % 2}
    with TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        began = time.process_time()
        with VectorFolder.opened(index, TextVectors(default, task)) as store:
            store.add(texts)
        seconds_encoding = time.process_time() - began
        print(f"encoded in {seconds_encoding:.0f} processor seconds", flush=True)
        ways: dict[str, Callable[[], Scored | set[Pair]]] = {
            "MinHash (datasketch)": lambda: _minhash(texts),
            "SimHash": lambda: _simhash(texts),
            f"vectors of {task}": lambda: _nearest_pairs(_kept_vectors(texts, default, task, index)),
            f"Yanmo, {task}": lambda: _merged(
                deduplicate(texts, matcher=default, task=task, index=_copied(index), candidates=arguments.candidates)
            ),
        }
        models = {f"Yanmo, {task}, fitted": (default, task, _copied(index))}
        if arguments.labels:
            learned = _learned(texts, truth, tuned, default, arguments.labels)
            models[f"Yanmo, learned from {arguments.labels} pairs, fitted"] = (learned, _LEARNED, Path(folder) / "own")
        for name, (matcher, of, its) in models.items():
            fitted, apart, overlap = _fitted(texts, truth, tuned, matcher, of, index=its)
            ways[name] = lambda fitted=fitted, of=of, apart=apart, overlap=overlap: _merged(
                deduplicate(texts, matcher=fitted, task=of, apart=apart, overlap=overlap)
            )
        if arguments.base is not None:
            ways["vectors of the base"] = lambda: _nearest_pairs(mean_vectors(arguments.base, texts))
            ways["semhash (static vectors of the base)"] = lambda: _nearest_pairs(
                _static_vectors(arguments.base, texts)
            )
        encoded = {f"vectors of {task}": seconds_encoding, f"Yanmo, {task}": seconds_encoding}
        for found in _measured(ways, encoded, texts, truth, tuned):
            result = {"n": len(texts), "n_pairs_planted": len(truth), "seed": arguments.seed, "ways": found}
            RESULT.write_text(json.dumps(result | describe_machine(), ensure_ascii=False, indent=2) + "\n", "utf-8")


def _measured(
    ways: dict[str, Callable[[], Scored | set[Pair]]],
    encoded: dict[str, float],
    texts: list[str],
    truth: set[Pair],
    tuned: set[int],
) -> Iterator[dict[str, dict[str, float]]]:
    """Runs every way, and the peers a second time with the rule of ``dedup --apart`` on their candidates."""
    found: dict[str, dict[str, float]] = {}
    differing = ApartRule(NAMED)
    for name, way in ways.items():
        began = time.process_time()
        answer = way()
        seconds = time.process_time() - began + encoded.get(name, 0.0)
        if not isinstance(answer, dict):
            found[name] = _judged(answer, truth, tuned) | {"cpu_seconds": round(seconds, 1)}
            print(name, json.dumps(found[name], ensure_ascii=False), flush=True)
            yield found
            continue
        for rule in ("", ", apart"):
            began = time.process_time()
            best = sorted(answer.items(), key=lambda item: -item[1])[: _BEST * len(truth)]
            kept = {p: s for p, s in best if not rule or not differing.why(texts[p[0]], texts[p[1]])}
            threshold = best_threshold({p: s for p, s in kept.items() if set(p) <= tuned}, _of(truth, tuned))
            said = {pair for pair, score in kept.items() if score >= threshold}
            seconds += time.process_time() - began
            found[name + rule] = _judged(said, truth, tuned) | {
                "threshold": threshold,
                "cpu_seconds": round(seconds, 1),
            }
            print(name + rule, json.dumps(found[name + rule], ensure_ascii=False), flush=True)
        yield found


def _judged(said: set[Pair], truth: set[Pair], tuned: set[int]) -> dict[str, float]:
    judged = {pair for pair in said if not set(pair) & tuned}
    expected = {pair for pair in truth if not set(pair) & tuned}
    hits = len(judged & expected)
    precision, recall = hits / max(1, len(judged)), hits / max(1, len(expected))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def _planted(paths: list[Path], n: int, seed: int) -> tuple[list[str], list[int], set[Pair]]:
    rng = random.Random(seed)
    corpus: dict[str, None] = {}
    for i, path in enumerate(paths, start=1):
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                if len(corpus) >= n * i // len(paths):
                    break
                if 6 <= len(line.strip()) <= _MOST_CHARACTERS:
                    corpus[line.strip()] = None
    originals = list(corpus)[: n * 4 // 5]
    rows, family, group = list(originals), list(range(len(originals))), list(range(len(originals)))
    kinds = [kind for kind in EditKind if kind is not EditKind.SCRIPT]
    number = {text: i for i, text in enumerate(originals)}
    edits = iter(edit_pairs(originals, kinds=kinds, n=n // 10, seed=seed))
    while len(rows) < n:
        edit = next(edits, None)
        if edit is None:  # a deletion by chance
            at = rng.randrange(len(originals))
            place = rng.randrange(len(originals[at]))
            text, same = originals[at][:place] + originals[at][place + 1 :], True
        else:
            at, text, same = number[edit.before], edit.after, edit.kind.is_harmless
        if text not in number:
            rows.append(text)
            family.append(at)
            group.append(at if same else -len(rows))
    order = list(range(len(rows)))
    rng.shuffle(order)
    members: dict[int, list[int]] = {}
    for place, old in enumerate(order):
        members.setdefault(group[old], []).append(place)
    truth = {pair for some in members.values() for pair in combinations(sorted(some), 2)}
    return [rows[old] for old in order], [family[old] for old in order], truth


def _merged(groups: Groups) -> set[Pair]:
    members: dict[int, list[int]] = {}
    for row, each in enumerate(groups.rows):
        members.setdefault(each.group, []).append(row)
    return {pair for some in members.values() for pair in combinations(some, 2)}


def _learned(texts: list[str], truth: set[Pair], tuned: set[int], default: Matcher, n: int) -> Matcher:
    """Labels as a person would be asked for them: of pairs that look alike, as many of either kind."""
    alike = sorted(pair for pair in _minhash(texts) if set(pair) <= tuned)
    random.Random(0).shuffle(alike)
    kinds = [[pair for pair in alike if (pair in truth) is kind][: n // 2] for kind in (True, False)]
    pairs = kinds[0] + kinds[1]
    labels = [1] * len(kinds[0]) + [0] * len(kinds[1])
    return learn_standard(default, [(texts[a], texts[b]) for a, b in pairs], labels, name=_LEARNED)


def _fitted(
    texts: list[str], truth: set[Pair], tuned: set[int], matcher: Matcher, task: str, *, index: Path
) -> tuple[Matcher, str, float]:
    """The threshold, and what keeps texts apart, that the tuned half speaks for, of pairs alike enough to be copies."""
    rows = sorted(tuned)
    places = lexical_pairs([texts[row] for row in rows], overlap=OVERLAPS[0])
    pairs = [(rows[a], rows[b]) for a, b in zip(*(side.tolist() for side in places), strict=True)]
    with VectorFolder.opened(index, TextVectors(matcher, task)) as store:
        store.add([texts[row] for row in sorted({row for pair in pairs for row in pair})])
        sides = (np.array([store.numbers[texts[pair[i]]] for pair in pairs], dtype=np.int64) for i in (0, 1))
        scored = dict(zip(pairs, PairJudge(store)(*sides).probabilities.tolist(), strict=True))
    expected, choices = _of(truth, tuned), []
    shared = {(a, b): shared_pairs(texts[a], texts[b]) for a, b in scored}
    for apart in ("", ",".join(kind.value for kind in NAMED)):
        rule = apart_rule(apart)
        alike = {(a, b): p for (a, b), p in scored.items() if not rule.why(texts[a], texts[b])}
        for overlap in OVERLAPS:
            left = {pair: p for pair, p in alike.items() if shared[pair] >= overlap}
            threshold = best_threshold(left, expected)
            found = {pair for pair, p in left.items() if p >= threshold}
            choices.append((2 * len(found & expected) / (len(found) + len(expected)), apart, overlap, threshold))
    _, apart, overlap, threshold = max(choices)
    print(task, "apart:", apart or "nothing", "overlap:", overlap, "threshold:", round(threshold, 4), flush=True)
    return with_threshold(matcher, task, threshold), apart, overlap


def with_threshold(matcher: Matcher, task: str, threshold: float) -> Matcher:
    """Gives a matcher that decides by another threshold under a standard.

    Args:
        matcher: The matcher, left as it is.
        task: The standard.
        threshold: Probability from which on a pair is a match.

    Returns:
        The matcher with it.
    """
    decision = matcher.matching.decision(task).model_copy(update={"threshold": threshold})
    return Matcher(matcher.engine, matcher.pair_encoder, matcher.matching.with_decision(task, decision))


def _copied(index: Path) -> Path:
    """A copy that holds vectors and no scores yet, so that every way scores for itself."""
    made = Path(mkdtemp(dir=index.parent)) / "index"
    shutil.copytree(index, made)
    return made


def _kept_vectors(texts: list[str], matcher: Matcher, task: str, index: Path) -> np.ndarray:
    with VectorFolder.opened(index, TextVectors(matcher, task), writes=False) as store:
        return np.asarray(store.vectors()[[store.numbers[text] for text in texts]])


def _static_vectors(base: Path, texts: list[str]) -> np.ndarray:
    """As semhash: static vectors by model2vec, here distilled from the base without vocabulary of its own."""
    from model2vec.distill import distill

    made = distill(str(base), pca_dims=256).encode(texts)
    return (made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)).astype(np.float16)


def _nearest_pairs(vectors: np.ndarray) -> Scored:
    found = NeighborSearch(vectors)(vectors, 11)
    wide = vectors.astype(np.float32)
    return {
        (min(a, b), max(a, b)): float(wide[a] @ wide[b]) for a, row in enumerate(found.tolist()) for b in row if b != a
    }


def _shingles(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(max(1, len(text) - 1))}


def _minhash(texts: list[str]) -> Scored:
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=0.4, num_perm=128)
    made = []
    for row, text in enumerate(texts):
        one = MinHash(num_perm=128)
        one.update_batch([each.encode() for each in _shingles(text)])
        lsh.insert(row, one)
        made.append(one)
    return {
        (row, other): made[row].jaccard(made[other])
        for row, one in enumerate(made)
        for other in lsh.query(one)
        if row < other
    }


def _simhash(texts: list[str]) -> Scored:
    """64 bits over character bigrams; every pair is compared, which a table of blocks would only make faster."""
    from hashlib import blake2b

    directions: dict[str, np.ndarray] = {}

    def direction(shingle: str) -> np.ndarray:
        if shingle not in directions:
            bits = np.frombuffer(blake2b(shingle.encode(), digest_size=8).digest(), dtype=np.uint8)
            directions[shingle] = np.unpackbits(bits).astype(np.float32) * 2 - 1
        return directions[shingle]

    signs = np.stack([np.where(sum(map(direction, _shingles(text))) > 0, 1.0, -1.0) for text in texts])
    return _nearest_pairs((signs / 8).astype(np.float16))


def _of(pairs: Iterable[Pair], rows: set[int]) -> set[Pair]:
    return {pair for pair in pairs if set(pair) <= rows}


def best_threshold(scored: dict[Any, float], truth: set[Any]) -> float:
    """Finds the threshold of the best F1.

    Args:
        scored: Scores by pair.
        truth: The pairs that match.

    Returns:
        The score from which on pairs are taken.
    """
    ordered = sorted(scored.items(), key=lambda item: -item[1])
    hits, best, threshold = 0, -1.0, 1.0
    for n, (pair, score) in enumerate(ordered, start=1):
        hits += pair in truth
        f1 = 2 * hits / (n + len(truth))
        if f1 > best and (n == len(ordered) or ordered[n][1] < score):
            best, threshold = f1, score
    return threshold


if __name__ == "__main__":
    main()
