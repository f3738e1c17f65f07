"""Sampling that is repeatable row by row and leaves torch's global random state alone."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from .choices import Method
from .decoding import Decoding

__all__ = ["ExponentialRace", "samplers"]


class ExponentialRace(LogitsProcessor):
    """Adds noise to scores, with which the largest of them is a draw from ``softmax(scores)``.

    With ``q_v`` drawn from Exp(1) for every token v, ``argmax_v (scores_v - log q_v)`` falls on v with probability
    ``softmax(scores)_v``: the token whose exponential clock of rate ``exp(scores_v)`` rings first. Every row has its
    own generator, so that what it draws does not depend on the rows beside it.

    Args:
        seeds: One for every row.
        device: Where the scores are.

    Source: arXiv:1411.0030 (the Gumbel-max trick).
    """

    def __init__(self, seeds: Sequence[int], *, device: torch.device) -> None:
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(
        self, input_ids: Int[Tensor, "batch seq"], scores: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch vocab"]:
        """Returns the scores with every row's noise on them; -inf stays -inf."""
        del input_ids
        noise = torch.empty_like(scores)
        for row, generator in zip(noise, self.generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.log()


def samplers(decoding: Decoding, *, seeds: Sequence[int], device: torch.device) -> LogitsProcessorList:
    """Gives the logits processors that turn transformers' greedy search into sampling; none for other methods.

    Args:
        decoding: The settings.
        seeds: One for every row.
        device: Where the scores are.

    Returns:
        Temperature, top-k, top-p and the draw, in this order.
    """
    steps = LogitsProcessorList()
    if decoding.method is not Method.SAMPLE:
        return steps
    if decoding.temperature is not None:
        steps.append(TemperatureLogitsWarper(decoding.temperature))
    if decoding.top_k is not None:
        steps.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p is not None and decoding.top_p < 1:
        steps.append(TopPLogitsWarper(decoding.top_p))
    steps.append(ExponentialRace(seeds, device=device))
    return steps
