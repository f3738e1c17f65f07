"""Padding of the training sampler on the six-task mix, beside the samplers of transformers.

    python benchmarks/padding.py BASE DATA [--max-tokens 4096]

BASE is a Hugging Face folder (its tokenizer is used), DATA holds the six Sohu folders. Padding is computed tokens (rows
times longest row) over real tokens; the others use the batch size that gives the same mean number of pairs a batch.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from transformers.trainer_pt_utils import LengthGroupedSampler

from yanmo.data import TaskSet, read_split
from yanmo.fit.loop.sampler import plan_batches
from yanmo.tokenize import PairBudget, PairEncoder, PairLayout, load_tokenizer

RESULT = Path(__file__).parent / "results" / "padding.json"


def main() -> None:
    """Measures all samplers on the same pairs and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--max-tokens", type=int, default=4096)
    arguments = parser.parse_args()
    tasks = TaskSet.load("sohu")
    encoder = PairEncoder(load_tokenizer(arguments.base), layout=PairLayout.SIDES)
    lengths, task_of = [], []
    for name, pairs in read_split(arguments.data, tasks, "train").items():
        budget = tasks.task(name).budget
        texts = [(pair.text0, pair.text1) for pair in pairs]
        encoded = encoder.encode_batch(texts, budgets=PairBudget(budget.left, budget.right, head=budget.head))
        lengths += [len(pair) for pair in encoded]
        task_of += [tasks.index(name)] * len(pairs)
    ours = plan_batches(lengths, tasks=task_of, max_tokens=arguments.max_tokens, n_epochs=1.0, balance=1.0, seed=0)
    size = round(ours.pairs_per_batch)
    shuffled = np.random.default_rng(0).permutation(len(lengths))
    generator = torch.Generator().manual_seed(0)
    grouped = np.array(list(LengthGroupedSampler(size, lengths=lengths, generator=generator)))
    result = {
        "machine": describe_machine("torch", "transformers", "tokenizers"),
        "pairs": len(lengths),
        "mean_tokens": float(np.mean(lengths)),
        "batch_size_of_the_others": size,
        "padding": {
            "yanmo plan_batches": ours.padding_ratio,
            "transformers default (random)": _padding(shuffled, size, lengths),
            "transformers group_by_length": _padding(grouped, size, lengths),
        },
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _padding(order: np.ndarray, size: int, lengths: list[int]) -> float:
    ordered = np.array(lengths)[order]
    batches = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return float(sum(len(b) * b.max() for b in batches) / ordered.sum())


if __name__ == "__main__":
    main()
