"""Nearest neighbors of short Chinese texts by three libraries: recall, time, memory, size on the disk.

    python benchmarks/neighbor_libraries.py BASE TEXTS.txt.xz... [--n 100000] [--queries 1000]

Vectors are the means of BASE's word vectors (a Hugging Face folder), centered and of unit length: cheap to make for
many texts, and clustered as real texts are. Truth is the exact order of all vectors in float32. Every library stores
float16 where it can and runs on one thread; memory is the growth of the process, each in a process of its own.
"""

import argparse
import json
import lzma
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine

RESULT = Path(__file__).parent / "results" / "neighbor_libraries.json"
KS = (10, 50)


def main() -> None:
    """Makes the vectors, then measures each way in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    arguments = parser.parse_args()
    texts = read_texts(arguments.texts, arguments.n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, mean_word_vectors(arguments.base, texts))
        ways = {}
        for name in WAYS:
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                ways[name] = pool.apply(_measured, (name, path, arguments.queries))
            print(name, json.dumps(ways[name]), flush=True)
    result = {"n": len(texts), "width": 384, "n_queries": arguments.queries, "ways": ways, **describe_machine()}
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


def read_texts(paths: list[Path], n: int) -> list[str]:
    """Gives the first ``n`` different texts of some files, of each the same share."""
    found: dict[str, None] = {}
    for i, path in enumerate(paths, start=1):
        with lzma.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                if len(found) >= n * i // len(paths):
                    break
                if line.strip():
                    found[line.strip()] = None
    return list(found)[:n]


def mean_word_vectors(base: Path, texts: list[str]) -> np.ndarray:
    """Gives the mean word vector of each text, centered and of unit length, float16[n, width]."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tensors = load_file(base / "model.safetensors")
    words = next(t for name, t in tensors.items() if name.endswith("word_embeddings.weight")).astype(np.float32)
    made = np.empty((len(texts), words.shape[1]), dtype=np.float32)
    for start in range(0, len(texts), 4096):
        for i, encoding in enumerate(tokenizer.encode_batch(texts[start : start + 4096], add_special_tokens=False)):
            made[start + i] = words[encoding.ids].mean(0) if encoding.ids else 0
    made -= made.mean(0)
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
    return made.astype(np.float16)


def _usearch(vectors: np.ndarray, n_queries: int, path: Path) -> dict[str, Any]:
    from usearch.index import Index

    began = time.process_time()
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=128)
    index.add(np.arange(len(vectors)), vectors, threads=1)
    built = time.process_time() - began
    index.save(str(path))
    return {
        "build_seconds": built,
        "searches": {
            f"expansion {width}": _timed(vectors, n_queries, lambda q, k: index.search(q, k, threads=1).keys)
            for width in (64, 256)
            if setattr(index, "expansion_search", width) is None
        },
    }


def _faiss(vectors: np.ndarray, n_queries: int, path: Path, *, graph: bool) -> dict[str, Any]:
    import faiss

    faiss.omp_set_num_threads(1)
    width, half = vectors.shape[1], faiss.ScalarQuantizer.QT_fp16
    began = time.process_time()
    if graph:
        index = faiss.IndexHNSWSQ(width, half, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 128
        settings = [("expansion 64", 64), ("expansion 256", 256)]
    else:
        n_cells = int(np.sqrt(len(vectors)))
        cells = faiss.IndexFlatIP(width)
        index = faiss.IndexIVFScalarQuantizer(cells, width, n_cells, half, faiss.METRIC_INNER_PRODUCT)
        settings = [("8 cells", 8), ("32 cells", 32)]
    sample = np.random.default_rng(0).permutation(len(vectors))[:20_000]
    index.train(vectors[sample].astype(np.float32))
    for start in range(0, len(vectors), 8192):
        index.add(vectors[start : start + 8192].astype(np.float32))
    built = time.process_time() - began
    faiss.write_index(index, str(path))

    def search(queries: np.ndarray, k: int) -> np.ndarray:
        return index.search(queries.astype(np.float32), k)[1]

    searches = {}
    for name, width in settings:
        if graph:
            index.hnsw.efSearch = width
        else:
            index.nprobe = width
        searches[name] = _timed(vectors, n_queries, search)
    return {"build_seconds": built, "searches": searches}


def _exact(vectors: np.ndarray, n_queries: int, _: Path) -> dict[str, Any]:
    return {"build_seconds": 0.0, "searches": {"all": _timed(vectors, n_queries, lambda q, k: _nearest(vectors, q, k))}}


WAYS = {
    "exact, numpy": _exact,
    "usearch, graph": _usearch,
    "faiss, graph": lambda *given: _faiss(*given, graph=True),
    "faiss, cells": lambda *given: _faiss(*given, graph=False),
}


def _measured(name: str, path: Path, n_queries: int) -> dict[str, Any]:
    vectors = np.load(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index"
        found = WAYS[name](vectors, n_queries, file)
        megabytes = file.stat().st_size / 1e6 if file.exists() else 0.0
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"megabytes_on_disk": round(megabytes, 1), "megabytes_grown": round((after - before) / 1e3, 1)}


def _timed(vectors: np.ndarray, n_queries: int, search: Any) -> dict[str, float]:
    queries = np.linspace(0, len(vectors) - 1, n_queries).astype(int)
    began = time.process_time()
    found = search(vectors[queries], max(KS) + 1)
    seconds = time.process_time() - began
    truth = _nearest(vectors, vectors[queries], max(KS) + 1)
    share = {f"recall_at_{k}": _recall(truth, found, queries, k) for k in KS}
    return {**share, "milliseconds_per_query": round(1e3 * seconds / n_queries, 3)}


def _recall(truth: np.ndarray, found: np.ndarray, queries: np.ndarray, k: int) -> float:
    shares = []
    for a, b, own in zip(truth, found, queries, strict=True):
        wanted = [i for i in a if i != own][:k]
        shares.append(len(set(wanted) & set(b[b != own][:k].tolist())) / k)
    return round(float(np.mean(shares)), 4)


def _nearest(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    best_score = np.full((len(queries), k), -np.inf, dtype=np.float32)
    best = np.zeros((len(queries), k), dtype=np.int64)
    for start in range(0, len(vectors), 8192):
        scores = queries.astype(np.float32) @ vectors[start : start + 8192].astype(np.float32).T
        scores = np.concatenate([best_score, scores], 1)
        places = np.concatenate(
            [best, np.broadcast_to(np.arange(start, start + scores.shape[1] - k), scores[:, k:].shape)], 1
        )
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        best_score, best = np.take_along_axis(scores, top, 1), np.take_along_axis(places, top, 1)
    return np.take_along_axis(best, np.argsort(-best_score, axis=1, kind="stable"), 1)


if __name__ == "__main__":
    main()
