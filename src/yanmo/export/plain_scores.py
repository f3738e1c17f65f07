"""Scores an exported one-task folder without Yanmo's code, so as to compare with the matcher's own scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..match.folder import ONNX_FILE

__all__ = ["score_by_graph", "score_by_transformers"]


def score_by_transformers(folder: Path, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Scores pairs as ``AutoModelForSequenceClassification`` and ``AutoTokenizer`` do.

    Args:
        folder: Folder written by ``export_task``.
        pairs: The texts.

    Returns:
        Probabilities, float32[n].
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    batch = tokenizer(left, right, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        scores: NDArray[np.float32] = model(**batch).logits[:, 0].sigmoid().numpy()
    return scores


def score_by_graph(folder: Path, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Scores pairs by ONNX Runtime and ``tokenizer.json`` alone.

    Args:
        folder: Folder written by ``export_task_graph``.
        pairs: The texts; none longer than the task's budget.

    Returns:
        Probabilities, float32[n].
    """
    from tokenizers import Tokenizer

    from ..match.engines.onnx_runtime import onnxruntime

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    found = tokenizer.encode_batch(list(pairs))
    feed = {
        "input_ids": [each.ids for each in found],
        "attention_mask": [each.attention_mask for each in found],
        "token_type_ids": [each.type_ids for each in found],
    }
    session = onnxruntime.InferenceSession(folder / ONNX_FILE, providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {name: np.array(rows, dtype=np.int64) for name, rows in feed.items()})[0]
    return np.asarray(1 / (1 + np.exp(-logits[:, 0].astype(np.float64))), dtype=np.float32)
