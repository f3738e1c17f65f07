"""Measures what scoring labels costs beside one pass over the prompt; for benchmarks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from yanmo.generate.label_pass import label_log_likelihoods
from yanmo.generate.language_model import LanguageModel
from yanmo.generate.prefix_cache import PrefixCache

__all__ = ["LabelCost", "measure_label_cost"]


@dataclass(frozen=True, slots=True)
class LabelCost:
    """What was measured.

    Attributes:
        n_prompt_tokens: Tokens of the prompt.
        n_label_tokens: Tokens of all labels.
        prompt_seconds: One pass over the prompt, median.
        scored_seconds: All labels scored, nothing known before, median.
    """

    n_prompt_tokens: int
    n_label_tokens: int
    prompt_seconds: float
    scored_seconds: float

    @property
    def ratio(self) -> float:
        """Cost of scoring all labels in passes over the prompt."""
        return self.scored_seconds / self.prompt_seconds


@torch.no_grad()
def measure_label_cost(model: LanguageModel, prompt: str, labels: Sequence[str], *, n_repeats: int = 5) -> LabelCost:
    """Times one pass over a prompt against scoring labels after it, in turns, the first turn not counted.

    Args:
        model: The model.
        prompt: A prompt, such as ten demonstrations and a query.
        labels: The labels.
        n_repeats: Turns that count.

    Returns:
        The medians.
    """
    prompt_ids = model.tokenizer.encode(prompt).token_ids.tolist()
    label_ids = [model.tokenizer.encode(label).token_ids.tolist() for label in labels]
    row = torch.tensor([prompt_ids], device=model.network.device)
    alone, scored = [], []
    for _ in range(n_repeats + 1):
        start = time.perf_counter()
        model.network(input_ids=row, use_cache=True, logits_to_keep=1)
        middle = time.perf_counter()
        label_log_likelihoods(model.network, [prompt_ids], label_ids, prefix=PrefixCache())
        alone.append(middle - start)
        scored.append(time.perf_counter() - middle)
    return LabelCost(len(prompt_ids), sum(map(len, label_ids)), median(alone[1:]), median(scored[1:]))
