"""Growth of ``dedup`` with the rows: time of each stage and memory, from 10,000 to 1,000,000 rows.

    python benchmarks/collection_growth.py TEXTS.txt.xz... [--sizes 10000 31623 100000 316228 1000000] [--task question]

Rows are different clauses of the corpus of 5 to 12 characters; a tenth of them stands there again with a full stop more
or a character less, and ``--overlap`` asks for copies. Each size runs in a process of its own, by one thread, and works
in a new folder. Encoding costs the same for every text, and would hide all else: the vectors here are sums of random
directions of the pairs of neighboring characters, handed in as ``encode``. What the matcher itself encodes a second is
measured on some rows beside, and ``seconds_with_encoding`` adds it for the texts that were encoded. Exponents are
slopes of straight lines through the logarithms. With matplotlib the figure is drawn. (Random directions lie in no
clusters at all: a graph of neighbors, searched without ``--overlap``, takes 3 ms a text for them.)
"""

import argparse
import json
import lzma
import multiprocessing
import random
import re
import resource
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from machine import describe_machine

from yanmo import Matcher, deduplicate
from yanmo.collection.text_vectors import EncodedTexts, TextVectors

RESULT = Path(__file__).parent / "results" / "collection_growth.json"
FIGURE = Path(__file__).parent.parent / "docs" / "methods" / "figures" / "collection_growth.png"
_CLAUSE = re.compile(r"[一-鿿A-Za-z0-9]{5,12}(?=[，。！？；、\n])")
_STAGES = {"找候选 candidates": "search", "编码 encoding": "keep", "判断 scoring": "score"}
_WIDTH, _N_DIRECTIONS, _N_ENCODED = 384, 1 << 15, 1024


def main() -> None:
    """Measures each size and writes the result after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 31_623, 100_000, 316_228, 1_000_000])
    parser.add_argument("--task", default="question")
    parser.add_argument("--overlap", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = clauses(arguments.texts, max(arguments.sizes), seed=arguments.seed)
    encoded = _encoded_a_second(rows[:_N_ENCODED], arguments.task)
    print(f"encoding: {encoded:.0f} rows a second by one thread", flush=True)
    sizes: list[dict[str, float]] = []
    for n in arguments.sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            sizes.append(pool.apply(_measured, (rows[:n], arguments.task, arguments.overlap)))
        sizes[-1]["seconds_with_encoding"] = round(sizes[-1]["seconds"] + sizes[-1]["n_encoded"] / encoded, 1)
        print(json.dumps(sizes[-1]), flush=True)
        result: dict[str, object] = {
            "task": arguments.task,
            "overlap": arguments.overlap,
            "seed": arguments.seed,
            "encoded_rows_a_second": round(encoded, 1),
            "sizes": sizes,
        }
        if len(sizes) > 1:
            result["exponents"] = {key: _exponent(sizes, key) for key in ("seconds", "seconds_with_encoding", "gib")}
        RESULT.write_text(json.dumps(result | describe_machine(), ensure_ascii=False, indent=2) + "\n", "utf-8")
    _draw(sizes)


def clauses(paths: list[Path], n: int, *, seed: int) -> list[str]:
    """Draws different clauses from some files, of each as many as it has, and copies of a tenth of them.

    Args:
        paths: Texts, a line each, packed by xz.
        n: Rows.
        seed: Draws the order and the copies.

    Returns:
        The rows, in an order in which any beginning is like the whole.

    Raises:
        SystemExit: The files hold too few.
    """
    found: dict[str, None] = {}
    for path in paths:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                found.update(dict.fromkeys(_CLAUSE.findall(line)))
    rng, n_originals = random.Random(seed), n * 9 // 10
    originals = list(found)
    if len(originals) < n_originals:
        raise SystemExit(f"the files hold {len(originals):,} clauses of {n_originals:,}: name more files")
    rng.shuffle(originals)
    rows = []
    for original in originals:
        rows.append(original)
        if rng.random() < 1 / 9:
            at = rng.randrange(len(original))
            rows.append(original + "。" if rng.random() < 0.5 else original[:at] + original[at + 1 :])
        if len(rows) >= n:
            break
    return rows[:n]


def _measured(rows: list[str], task: str, overlap: float) -> dict[str, float]:
    matcher = Matcher.default(n_threads=1)
    began = time.perf_counter()
    ends: dict[str, float] = {}

    def note(stage: str, *_done: int) -> None:
        ends[stage] = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        groups = deduplicate(
            rows,
            matcher=matcher,
            task=task,
            index=Path(folder) / "index",
            overlap=overlap,
            encode=_in_directions_of_bigrams,
            on_progress=note,
        )
        seconds = time.perf_counter() - began
        n_bytes = sum(path.stat().st_size for path in (Path(folder) / "index").iterdir())
    stages, last = {}, 0.0
    for stage, name in _STAGES.items():
        stages[f"{name}_seconds"] = round(ends[stage] - last, 1)
        last = ends[stage]
    return {
        "n_rows": len(rows),
        "n_groups": groups.n_groups,
        "n_encoded": groups.n_encoded,
        "n_pairs_scored": groups.n_scored,
        "seconds": round(seconds, 1),
        **stages,
        "group_seconds": round(seconds - last, 1),
        "gib": round(_most_gib(), 3),
        "bytes_on_disk": n_bytes,
    }


def _in_directions_of_bigrams(portions: Iterable[Sequence[str]]) -> Iterator[EncodedTexts]:
    directions = np.random.default_rng(0).standard_normal((_N_DIRECTIONS, _WIDTH), dtype=np.float32)
    for texts in portions:
        vectors = np.zeros((len(texts), 1, _WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            pairs = [text[i : i + 2] for i in range(max(1, len(text) - 1))]
            vectors[row, 0] = directions[[zlib.crc32(pair.encode()) % _N_DIRECTIONS for pair in pairs]].sum(0)
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        yield EncodedTexts(vectors.astype(np.float16), np.array([len(text) for text in texts], dtype=np.int32))


def _encoded_a_second(rows: list[str], task: str) -> float:
    encoder = TextVectors(Matcher.default(n_threads=1), task)
    encoder.encode(rows[:64])
    began = time.perf_counter()
    encoder.encode(rows)
    return len(rows) / (time.perf_counter() - began)


def _draw(sizes: list[dict[str, float]]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    n = [each["n_rows"] for each in sizes]
    for key in ("seconds_with_encoding", "seconds", "search_seconds", "group_seconds"):
        left.plot(n, [each[key] for each in sizes], marker="o", label=key.removesuffix("_seconds").replace("_", " "))
    start = sizes[0]["seconds_with_encoding"]
    left.plot(n, [start * each / n[0] for each in n], ":", color="gray", label="proportional")
    right.plot(n, [each["gib"] for each in sizes], marker="o", label="process")
    right.plot(n, [each["bytes_on_disk"] / 2**30 for each in sizes], marker="o", label="on disk")
    for panel, what in ((left, "seconds"), (right, "GiB")):
        panel.set(xscale="log", yscale="log", xlabel="rows", ylabel=what)
        panel.legend(frameon=False, fontsize=8)
        panel.grid(color="#e5e5e5", linewidth=0.7)
    figure.savefig(FIGURE, dpi=100)


def _most_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _exponent(sizes: list[dict[str, float]], key: str) -> float:
    n, values = (np.log([each[name] for each in sizes]) for name in ("n_rows", key))
    return round(float(np.polyfit(n, values, 1)[0]), 3)


if __name__ == "__main__":
    main()
