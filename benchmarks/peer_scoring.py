"""One way of scoring pairs, as a contender of ``score.py``.

    python benchmarks/peer_scoring.py WAY FOLDER PAIRS.json --threads 1

FOLDER is what WAY reads; a turn scores all pairs and tells its seconds of clock and processor and its scores. Only the
ways that begin with yanmo need Yanmo: the others may run in an environment of their own, such as one with the older
transformers that sentence-transformers' ONNX backend asks for.
"""

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable
from pathlib import Path

from turns import Told, take_turns

Pairs = list[tuple[str, str]]
Score = Callable[[Pairs], list[float]]
_BATCH, _MAX_TOKENS = 32, 512


def _yanmo(folder: Path, n_threads: int) -> Score:
    import torch

    from yanmo import Matcher

    torch.set_num_threads(n_threads)
    is_graph = not (folder / "model.safetensors").exists()
    matcher = Matcher.from_pretrained(folder, n_threads=n_threads if is_graph else None)
    task = matcher.matching.task_set.names[0]
    return lambda pairs: matcher.score(pairs, task=task).tolist()


def _transformers(folder: Path, n_threads: int) -> Score:
    """As its documentation shows it: batches of 32 in the given order, padded to their longest."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(n_threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def score(pairs: Pairs) -> list[float]:
        scores: list[float] = []
        with torch.inference_mode():
            for start in range(0, len(pairs), _BATCH):
                first, second = zip(*pairs[start : start + _BATCH], strict=True)
                batch = tokenizer(
                    list(first),
                    list(second),
                    padding=True,
                    truncation=True,
                    max_length=_MAX_TOKENS,
                    return_tensors="pt",
                )
                scores += model(**batch).logits[:, 0].sigmoid().tolist()
        return scores

    return score


def _cross_encoder(folder: Path, n_threads: int, **options: object) -> Score:
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(n_threads)
    model = CrossEncoder(str(folder), max_length=_MAX_TOKENS, device="cpu", **options)
    return lambda pairs: model.predict(pairs, batch_size=_BATCH, show_progress_bar=False).tolist()


def _onnx_int8(folder: Path, n_threads: int) -> Score:
    import onnxruntime
    from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    name = "model_qint8_avx2.onnx"
    if not (folder / "onnx" / name).exists():
        plain = CrossEncoder(str(folder), backend="onnx", device="cpu")
        plain.save_pretrained(str(folder))
        export_dynamic_quantized_onnx_model(plain, "avx2", str(folder), file_suffix="qint8_avx2")
    return _cross_encoder(
        folder, n_threads, backend="onnx", model_kwargs={"file_name": f"onnx/{name}", "session_options": options}
    )


def _openvino_int8(folder: Path, n_threads: int) -> Score:
    from optimum.intel import OVConfig, OVQuantizationConfig, OVQuantizer
    from optimum.intel.openvino import OVModelForSequenceClassification

    target = folder / "openvino-int8"
    if not target.exists():
        import nncf
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = OVModelForSequenceClassification.from_pretrained(folder, export=True)
        pairs = json.loads((folder / "pairs.json").read_text("utf-8"))
        inputs = [
            dict(tokenizer(*pair, truncation=True, max_length=_MAX_TOKENS, return_tensors="np")) for pair in pairs
        ]
        quantizer = OVQuantizer.from_pretrained(model)
        quantizer.quantize(
            ov_config=OVConfig(quantization_config=OVQuantizationConfig(num_samples=len(inputs))),
            calibration_dataset=nncf.Dataset(inputs),
            save_directory=target,
        )
        tokenizer.save_pretrained(target)
    settings = {"INFERENCE_NUM_THREADS": n_threads, "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": ""}
    return _cross_encoder(target, n_threads, backend="openvino", model_kwargs={"ov_config": settings})


WAYS: dict[str, Callable[[Path, int], Score]] = {
    "yanmo float32": _yanmo,
    "yanmo int8": _yanmo,
    "yanmo openvino int8": _yanmo,
    "transformers float32": _transformers,
    "cross-encoder float32": _cross_encoder,
    "cross-encoder onnx int8": _onnx_int8,
    "cross-encoder openvino int8": _openvino_int8,
}


def main() -> None:
    """Waits for its turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    pairs = [tuple(pair) for pair in json.loads(arguments.pairs.read_text("utf-8"))]

    def prepare() -> tuple[Told, Callable[[], Told]]:
        score = WAYS[arguments.way](arguments.folder, arguments.threads)
        score(pairs[:_BATCH])
        names = ("torch", "transformers", "sentence-transformers", "onnxruntime", "openvino")
        return {"versions": {name: found for name in names if (found := _version(name))}}, lambda: _timed(score, pairs)

    take_turns(prepare)


def _timed(score: Score, pairs: Pairs) -> Told:
    wall, processor = time.perf_counter(), time.process_time()
    scores = score(pairs)
    return {
        "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
        "scores": scores,
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
