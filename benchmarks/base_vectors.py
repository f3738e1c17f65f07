"""Unit mean vectors of a base for both texts of every pair, each text encoded alone, as the base was trained."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from yanmo.data import Pair, TaskSet
from yanmo.encode import load_encoder
from yanmo.fit.loop.precision import Precision
from yanmo.fit.matching.examples import encode_examples
from yanmo.fit.matching.frozen import compute_states
from yanmo.layers import mean_pool
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairEncoder, PairLayout, load_tokenizer
from yanmo.tokenize.batches import sorted_batches

__all__ = ["Sides", "Split", "base_vectors"]

Split = dict[str, list[Pair]]
Sides = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Unit vectors of the first and of the second texts."""


def base_vectors(
    base: Path,
    split: Split,
    tasks: TaskSet,
    *,
    prefix: str,
    cache: Path,
    n_cached: int,
    precision: Precision = Precision.FLOAT32,
) -> dict[str, Sides]:
    """Encodes both texts of every pair.

    Args:
        base: Hugging Face folder of the encoder.
        split: The pairs of each task.
        tasks: The tasks, for their budgets.
        prefix: Put before each text.
        cache: Where states of the lower layers are kept between runs.
        n_cached: How many lower layers those are; a training run that freezes as many shares the cache.
        precision: What those multiply in.

    Returns:
        The vectors of each task.
    """
    loaded = load_encoder(base)
    n_layers = loaded.config.n_layers
    loaded.encoder.joint_from = n_layers
    pair_encoder = PairEncoder(load_tokenizer(base), layout=PairLayout.SIDES, prefix=prefix)
    examples = encode_examples(split, task_set=tasks, pair_encoder=pair_encoder)
    frozen = compute_states(
        loaded.encoder,
        examples.encoded,
        config=loaded.config,
        n_layers=n_cached,
        folder=cache,
        precision=precision,
    )
    sides = tuple(np.empty((len(examples), loaded.config.width), dtype=np.float32) for _ in range(2))
    with torch.inference_mode():
        for rows in sorted_batches(examples.lengths, max_tokens=4096):
            pairs = [examples.encoded[i] for i in rows]
            batch = collate(pairs, pad_id=loaded.config.pad_id)
            x = loaded.encoder.run(frozen.gather(pairs), batch, None, first=n_cached, last=n_layers)
            for i, vectors in enumerate(sides):
                vectors[rows] = F.normalize(mean_pool(x, batch.mask & (batch.side == i)), dim=-1).numpy()
    of_task = {name: examples.tasks == tasks.index(name) for name in split}
    return {name: (sides[0][its], sides[1][its]) for name, its in of_task.items()}
