"""Which vectors find the matches of a standard: its own, another standard's, the base's, or words in common.

    python benchmarks/candidate_vectors.py DATA [--base E5] [--matches 150] [--standards ssA law ...]

For each standard known matches are drawn from its dev pairs (ssA: valid); the collection is the texts of these and of
as many non-matches, all different. A match is found at k where its second text is among the k nearest of the first, the
first left out. What matches but is not labelled counts as nothing: the share among k is of known partners only.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
from machine import describe_machine

from yanmo import Matcher
from yanmo.collection.neighbors import NeighborSearch
from yanmo.collection.text_vectors import TextVectors

RESULT = Path(__file__).parent / "results" / "candidate_vectors.json"
KS = (10, 50, 100)
# Standard: file under DATA, columns of the texts and the label, labels that match.
SOURCES = {
    "ssA": ("ssA/valid.txt", "source", "target", "labelA", {"1"}),
    "law": ("pairs/law/dev.jsonl", "text1", "text2", "label", {"1"}),
    "address": ("pairs/address/dev.jsonl", "text1", "text2", "label", {"1", "2"}),
    "search": ("pairs/qbqtc/dev.jsonl", "text1", "text2", "label", {"1", "2"}),
    "review_kind": ("pairs/reviews/dev.jsonl", "text1", "text2", "kind", {"1"}),
    "review_opinion": ("pairs/reviews/dev.jsonl", "text1", "text2", "opinion", {"1"}),
}
GENERAL = "similar"
"""The standard whose vectors stand in for general likeness where there is no base at hand."""


def main() -> None:
    """Measures every standard, and writes the result after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--base", type=Path, help="folder of the base, for its own vectors; needs torch")
    parser.add_argument("--matches", type=int, default=150)
    parser.add_argument("--standards", nargs="+", default=list(SOURCES))
    arguments = parser.parse_args()
    matcher = Matcher.default(n_threads=1)
    rows = {}
    for name in arguments.standards:
        began = time.process_time()
        texts, pairs = _collection(arguments.data, name, arguments.matches)
        ways = {"own": _vectors(matcher, name, texts), "bigrams": _bigrams(texts)}
        if arguments.base is not None:
            ways["base"] = mean_vectors(arguments.base, texts)
        else:
            ways[GENERAL] = _vectors(matcher, GENERAL, texts)
        rows[name] = {
            "n_texts": len(texts),
            "n_matches": len(pairs),
            "by_chance": {f"at_{k}": round(k / (len(texts) - 1), 3) for k in KS},
            "recall": {way: _recall(vectors, pairs) for way, vectors in ways.items()},
        }
        print(name, json.dumps(rows[name]), f"{time.process_time() - began:.0f} s", flush=True)
        result = {"standards": rows, **describe_machine()}
        RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _collection(data: Path, name: str, n_matches: int) -> tuple[list[str], list[tuple[int, int]]]:
    file, first, second, column, positive = SOURCES[name]
    rows = [json.loads(line) for line in (data / file).read_text("utf-8").splitlines()]
    random.Random(0).shuffle(rows)
    matches = [row for row in rows if str(row[column]) in positive and row[first] != row[second]][:n_matches]
    others = [row for row in rows if str(row[column]) not in positive][:n_matches]
    numbers: dict[str, int] = {}
    for row in (*matches, *others):
        for text in (row[first], row[second]):
            numbers.setdefault(text, len(numbers))
    return list(numbers), [(numbers[row[first]], numbers[row[second]]) for row in matches]


def _vectors(matcher: Matcher, task: str, texts: list[str]) -> np.ndarray:
    return TextVectors(matcher, task).encode(texts).vectors[:, 0]


def mean_vectors(base: Path, texts: list[str]) -> np.ndarray:
    """Encodes texts by a base, each alone, behind the prefix that an e5 was trained with.

    Args:
        base: Hugging Face folder.
        texts: The texts.

    Returns:
        Unit means of the last states, float16[n, width].
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base).eval()
    made = np.zeros((len(texts), model.config.hidden_size), dtype=np.float16)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 32):
        part = order[start : start + 32]
        batch = tokenizer(
            ["query: " + texts[i] for i in part], padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        mean = ((states * mask).sum(1) / mask.sum(1)).numpy()
        made[part] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return made


def _bigrams(texts: list[str]) -> np.ndarray:
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts)
    return np.asarray(found.todense(), dtype=np.float16)


def _recall(vectors: np.ndarray, pairs: list[tuple[int, int]]) -> dict[str, float]:
    firsts = np.array([a for a, _ in pairs])
    found = NeighborSearch(vectors)(vectors[firsts], max(KS) + 1)
    ranks = []
    for row, (a, b) in enumerate(pairs):
        order = found[row][found[row] != a]
        ranks.append(int(np.flatnonzero(order == b)[0]) if b in order else max(KS))
    return {f"at_{k}": round(float(np.mean([rank < k for rank in ranks])), 3) for k in KS}


if __name__ == "__main__":
    main()
