"""Labelled pairs as collections: what ``link`` and ``dedup`` say of the known pairs, against vectors with a threshold.

    python benchmarks/known_collections.py DATA --base E5 [--sets law lcqmc]

A collection is every text of the dev pairs of a set. Half of its known pairs choose the threshold of each way (best F1
on them), the other half judges, and the other way round; pairs that share a text stand in one half, but for the group
at the cut. A way says "match" where it puts both texts in one group (``dedup``), or the one among the links of the
other (``link``, first texts against second texts); pairs of texts whose label is not known count nothing. Vectors merge
by the threshold itself, and, as scripts for deduplication do, by connected components of what is above it. Yanmo stands
there by the standard's own threshold too, of which no pair of dev knew.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from candidate_vectors import mean_vectors
from groups import grouped_pairs
from machine import describe_machine
from planted_duplicates import best_threshold, with_threshold
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yanmo import Matcher, deduplicate, link
from yanmo.collection.neighbors import NeighborSearch
from yanmo.collection.scoring import PairJudge
from yanmo.collection.text_vectors import TextVectors
from yanmo.collection.vector_folder import VectorFolder
from yanmo.data import Pair

RESULT = Path(__file__).parent / "results" / "known_collections.json"
SETS = {"law": ("law", "pairs/law/dev.jsonl"), "lcqmc": ("question", "pairs/lcqmc/dev.jsonl")}
"""Of each set the standard and the file."""
_NEAREST = 100

Known: TypeAlias = dict[tuple[str, str], bool]
Said: TypeAlias = Callable[[float], set[tuple[str, str]]]
"""The known pairs that are said to match at a threshold."""


def main() -> None:
    """Measures every set and writes the result after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="folder of the base, for its vectors; needs torch")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    arguments = parser.parse_args()
    matcher, found = Matcher.default(n_threads=1), {}
    for name in arguments.sets:
        task, file = SETS[name]
        known = _known(arguments.data / file)
        found[name] = _measured(matcher, task, known, arguments.base)
        print(name, json.dumps(found[name], ensure_ascii=False, indent=1), flush=True)
        RESULT.write_text(
            json.dumps({"sets": found} | describe_machine(), ensure_ascii=False, indent=2) + "\n", "utf-8"
        )


def _known(path: Path) -> Known:
    """Different texts with one label, in an order that halves without parting pairs that share a text."""
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        row = json.loads(line)
        if row["text1"] != row["text2"]:
            pairs.append(Pair(row["text1"], row["text2"], int(row["label"]), None, number, str(path)))
    labels: dict[frozenset[str], set[float | None]] = {}
    for pair in pairs:
        labels.setdefault(frozenset((pair.text0, pair.text1)), set()).add(pair.label)
    known: Known = {}
    for pair in grouped_pairs(pairs, n=len(pairs), seed=0):
        if len(labels[frozenset((pair.text0, pair.text1))]) == 1 and (pair.text1, pair.text0) not in known:
            known[pair.text0, pair.text1] = bool(pair.label)
    return known


def _measured(matcher: Matcher, task: str, known: Known, base: Path) -> dict[str, object]:
    pairs = list(known)
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    firsts, seconds = (list(dict.fromkeys(each)) for each in zip(*pairs, strict=True))
    of_base = mean_vectors(base, texts)
    of_task = TextVectors(matcher, task).encode(texts).vectors[:, 0]
    row = {text: i for i, text in enumerate(texts)}
    halves = [dict(list(known.items())[: len(known) // 2]), dict(list(known.items())[len(known) // 2 :])]
    made: dict[str, dict[str, dict[str, float]]] = {"dedup": {}, "link": {}}
    for name, vectors in {"vectors of the base": of_base, f"vectors of {task}": of_task}.items():
        wide = vectors.astype(np.float32)
        score = {(a, b): float(wide[row[a]] @ wide[row[b]]) for a, b in pairs}
        by_threshold = _above(score)
        made["dedup"][f"{name}, threshold"] = _crossed(halves, score, by_threshold)
        made["dedup"][f"{name}, components"] = _crossed(halves, score, _components(wide, row, pairs))
        made["link"][f"{name}, threshold"] = _crossed(halves, score, _among(wide, row, firsts, seconds, by_threshold))
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        own = matcher.matching.decision(task).threshold
        first = deduplicate(texts, matcher=matcher, task=task, index=index)
        with VectorFolder.opened(index, TextVectors(matcher, task)) as store:
            store.add(texts)  # those too that only differ in spelling from another
            a, b = (np.array([store.numbers[pair[side]] for pair in pairs], dtype=np.int64) for side in (0, 1))
            p = PairJudge(store)(a, b).probabilities.tolist()
        score = dict(zip(pairs, p, strict=True))

        def grouped(threshold: float) -> set[tuple[str, str]]:
            groups = deduplicate(texts, matcher=with_threshold(matcher, task, threshold), task=task, index=index)
            group = {text: each.group for text, each in zip(texts, groups.rows, strict=True)}
            return {pair for pair in pairs if group[pair[0]] == group[pair[1]]}

        def linked(threshold: float) -> set[tuple[str, str]]:
            links = link(firsts, seconds, matcher=with_threshold(matcher, task, threshold), task=task, index=index)
            # Without a column of ids the numbers of the rows are the ids, from 1.
            return {(firsts[int(each.id_a) - 1], seconds[int(each.id_b) - 1]) for each in links.links}

        for verb, said in (("dedup", grouped), ("link", linked)):
            made[verb][f"Yanmo, {task}"] = _crossed(halves, score, said)
            made[verb][f"Yanmo, {task}, own threshold"] = _crossed(halves, score, said, threshold=own)
    return {
        "task": task,
        "n_texts": len(texts),
        "n_known": len(known),
        "n_known_matches": sum(known.values()),
        "n_candidates": first.count.k if first.count else None,
        "ways": made,
    }


def _crossed(
    halves: list[Known], score: dict[tuple[str, str], float], said: Said, *, threshold: float | None = None
) -> dict[str, float]:
    """F1 on each half at the threshold that the other chose, or at one that is given."""
    f1 = []
    for judged, tuned in (halves, halves[::-1]):
        at = _tuned_threshold(score, tuned) if threshold is None else threshold
        found = {pair for pair in said(at) if pair in judged}
        hits = sum(judged[pair] for pair in found)
        f1.append(2 * hits / max(1, len(found) + sum(judged.values())))
    return {"f1": round(float(np.mean(f1)), 4), "first_half": round(f1[0], 4), "second_half": round(f1[1], 4)}


def _tuned_threshold(score: dict[tuple[str, str], float], tuned: Known) -> float:
    return best_threshold({pair: score[pair] for pair in tuned}, {pair for pair, is_match in tuned.items() if is_match})


def _above(score: dict[tuple[str, str], float]) -> Said:
    return lambda threshold: {pair for pair, value in score.items() if value >= threshold}


def _components(wide: np.ndarray, row: dict[str, int], pairs: list[tuple[str, str]]) -> Said:
    def said(threshold: float) -> set[tuple[str, str]]:
        a, b = np.nonzero(wide @ wide.T >= threshold)
        joined = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(wide), len(wide)))
        label = connected_components(joined, directed=False)[1]
        return {(a, b) for a, b in pairs if label[row[a]] == label[row[b]]}

    return said


def _among(wide: np.ndarray, row: dict[str, int], firsts: list[str], seconds: list[str], above: Said) -> Said:
    """What is above the threshold and among the nearest of the other list."""
    queries, others = (wide[[row[text] for text in side]].astype(np.float16) for side in (firsts, seconds))
    found = NeighborSearch(others)(queries, _NEAREST).tolist()
    candidates = {(a, seconds[at]) for a, some in zip(firsts, found, strict=True) for at in some}
    return lambda threshold: above(threshold) & candidates


if __name__ == "__main__":
    main()
