"""Log-likelihoods of many labels after many prompts, with what they share computed once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from .prefix_cache import PrefixCache, common_length

__all__ = ["label_log_likelihoods"]


@dataclass
class _Row:
    """One forward pass over the branches of a token tree, one after the other in a single row.

    A token sees the shared prefix and its own branch up to itself. Positions count along the branch. ``read`` holds the
    places whose logits are wanted, ``wanted`` for every label token the index into them, its id, its prompt and label.
    """

    n_prefix: int
    token_ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    sees: list[list[int]] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    wanted: list[tuple[int, int, int, int]] = field(default_factory=list)

    def grow(self, token_ids: Sequence[int], ancestors: list[int]) -> list[int]:
        """Appends a branch behind its ancestors' places and returns the places down to its end."""
        path = list(ancestors)
        for token in token_ids:
            path.append(len(self.token_ids))
            self.positions.append(self.n_prefix + len(path) - 1)
            self.token_ids.append(token)
            self.sees.append(list(path))
        return path

    def mask(self, dtype: torch.dtype) -> Float[Tensor, "1 1 seq keys"]:
        """What is added to attention scores: 0 where a token sees another, the lowest number elsewhere."""
        n = len(self.token_ids)
        mask = torch.full((n, self.n_prefix + n), torch.finfo(dtype).min, dtype=dtype)
        mask[:, : self.n_prefix] = 0
        for row, places in enumerate(self.sees):
            mask[row, self.n_prefix + torch.tensor(places)] = 0
        return mask[None, None]


@torch.no_grad()
def label_log_likelihoods(
    network: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    labels: Sequence[Sequence[int]],
    *,
    prefix: PrefixCache,
    max_tokens: int = 1024,
) -> Float[Tensor, "prompt label"]:
    """Computes ``sum_i log p(label_i | prompt, label_1 .. label_{i-1})`` for every prompt and label.

    The beginning that all prompts share goes through the model once and stays in ``prefix`` for the next call. Behind
    it, prompts' endings and labels are packed into one row: a label's last token is only predicted, never an input, so
    20 labels of two tokens cost 20 tokens, and nothing of the prefix is copied per label.

    Args:
        network: Any causal language model of transformers that takes four-dimensional attention masks.
        prompts: Token ids of every prompt, at least one each.
        labels: Token ids of every label, at least one each.
        prefix: Keys and values of what was computed last.
        max_tokens: A pass gets at most so many tokens, unless a single branch has more.

    Returns:
        Natural logarithms in float64, [prompt, label].
    """
    n_prefix = min(common_length(prompts), min(map(len, prompts)) - 1)
    shared = prompts[0][:n_prefix]
    # The prefix's last keys are wanted too, so one token more is asked for than may come from the cache.
    cache = prefix.take([*shared, -1])
    n_known = cache.get_seq_length()
    if n_known < n_prefix:
        fresh = torch.tensor([shared[n_known:]], device=network.device)
        network(input_ids=fresh, past_key_values=cache, use_cache=True, logits_to_keep=1)
    scores = torch.zeros(len(prompts), len(labels), dtype=torch.float64)
    for row in _rows([ids[n_prefix:] for ids in prompts], labels, n_prefix=n_prefix, max_tokens=max_tokens):
        options: dict[str, Any] = {"device": network.device}
        logits = network(
            input_ids=torch.tensor([row.token_ids], **options),
            position_ids=torch.tensor([row.positions], **options),
            attention_mask=row.mask(network.dtype).to(network.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.tensor(row.read, **options),
        ).logits[0]
        cache.crop(-len(row.token_ids))
        log_probs = logits.float().log_softmax(-1)
        place, token, prompt, label = torch.tensor(row.wanted).unbind(1)
        found = log_probs[place.to(network.device), token.to(network.device)].double().cpu()
        scores.index_put_((prompt, label), found, accumulate=True)
    prefix.keep(cache, shared)
    return scores


def _rows(
    endings: Sequence[Sequence[int]], labels: Sequence[Sequence[int]], *, n_prefix: int, max_tokens: int
) -> Iterator[_Row]:
    row, stem_read = _Row(n_prefix), 0
    for prompt, ending in enumerate(endings):
        stem: list[int] | None = None
        for label, token_ids in enumerate(labels):
            n_more = len(token_ids) - 1 + (len(ending) if stem is None else 0)
            if row.token_ids and len(row.token_ids) + n_more > max_tokens:
                yield row
                row, stem = _Row(n_prefix), None
            if stem is None:
                stem = row.grow(ending, [])
                stem_read = len(row.read)
                row.read.append(stem[-1])
            path = row.grow(token_ids[:-1], stem)
            n_before = len(row.read)
            row.read += path[len(stem) :]
            for i, token in enumerate(token_ids):
                row.wanted.append((stem_read if i == 0 else n_before + i - 1, token, prompt, label))
    if row.wanted:
        yield row
