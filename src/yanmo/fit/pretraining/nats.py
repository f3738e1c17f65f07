"""Nats per character of original text: how well a masked language model guesses hidden words, for any vocabulary."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...encode import EncoderConfig, MaskedLanguageModel, TokenBatch
from ...errors import InputError, chosen
from ...tokenize import SpecialIds, Tokenizer
from ...tokenize.batches import sorted_batches
from .heldout import Passage

__all__ = ["UNKNOWN_CHARACTER", "HeldoutScore", "HiddenOrder", "PassageRows", "encode_passages", "score_passages"]

UNKNOWN_CHARACTER = math.log(0x110000 - 0x800)
"""Nats for a character that the vocabulary cannot express: a uniform guess among all that Unicode has room for."""


class HiddenOrder(str, Enum):
    """How a hidden word of several tokens is scored."""

    TOGETHER = "together"
    """All its tokens at once, as if independent: one pass a passage, but dearer the more tokens a word has."""
    CHAIN = "chain"
    """From left to right, the tokens before each revealed: one more pass for every further token of a word."""


@dataclass(frozen=True, slots=True)
class HeldoutScore:
    """The judgement of a model.

    Attributes:
        nats_per_character: Under the chosen order.
        together: Under `HiddenOrder.TOGETHER`, whatever the chosen one.
        n_characters: Characters hidden.
        n_tokens: Tokens hidden.
        n_unknown: Hidden characters that no token expresses.
    """

    nats_per_character: float
    together: float
    n_characters: int
    n_tokens: int
    n_unknown: int

    def as_json(self) -> dict[str, Any]:
        """Gives the fields for a JSON file."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class PassageRows:
    """One passage as a model with some vocabulary sees it.

    Attributes:
        ids: Token ids with special tokens, int64[n].
        words: For every hidden word the places of its tokens in ``ids``.
        n_characters: Characters hidden.
        n_unknown: Those of them that no token expresses.
    """

    ids: NDArray[np.int64]
    words: tuple[tuple[int, ...], ...]
    n_characters: int
    n_unknown: int


def encode_passages(
    passages: Sequence[Passage], *, tokenizer: Tokenizer, special: SpecialIds, max_length: int | None
) -> list[PassageRows]:
    """Finds the tokens of the hidden words.

    Every token that overlaps a hidden word is hidden. Where a token reaches beyond its word, the characters it reaches
    are hidden and counted too. A hidden character in an unknown token or in no token counts as unknown.

    Args:
        passages: The passages.
        tokenizer: The model's.
        special: Its special tokens.
        max_length: Most tokens of a row, special ones included; None for no limit.

    Returns:
        One for each passage.

    Raises:
        InputError: A passage has more tokens than a row may.
    """
    made = []
    encodings = tokenizer.encode_batch([passage.text for passage in passages])
    for passage, encoding in zip(passages, encodings, strict=True):
        n = len(encoding.token_ids)
        if max_length is not None and n + 2 > max_length:
            raise InputError(
                f"a held-out passage of {len(passage.text)} characters has {n + 2} tokens, a row {max_length}",
                fix="lower heldout_characters",
            )
        low, high = encoding.offsets[:, 0], encoding.offsets[:, 1]
        hidden = np.zeros(len(passage.text), dtype=bool)
        expressed = np.zeros(len(passage.text), dtype=bool)
        words, taken = [], np.zeros(n, dtype=bool)
        for begin, end in passage.hidden:
            hidden[begin:end] = True
            # A token that two neighboring hidden words share belongs to the first.
            own = np.flatnonzero((low < end) & (high > begin) & ~taken)
            taken[own] = True
            if len(own):
                words.append(tuple((own + 1).tolist()))
            for i in own.tolist():
                hidden[low[i] : high[i]] = True
        for i in np.flatnonzero(encoding.token_ids != special.unknown).tolist():
            expressed[low[i] : high[i]] = True
        for i in np.flatnonzero(encoding.token_ids == special.unknown).tolist():
            expressed[low[i] : high[i]] = False
        hidden &= ~np.array([ch.isspace() for ch in passage.text], dtype=bool)
        ids = np.array([tokenizer.cls_id, *encoding.token_ids.tolist(), tokenizer.sep_id], dtype=np.int64)
        made.append(PassageRows(ids, tuple(words), int(hidden.sum()), int((hidden & ~expressed).sum())))
    return made


def score_passages(
    model: MaskedLanguageModel,
    rows: Sequence[PassageRows],
    *,
    config: EncoderConfig,
    mask_id: int,
    order: HiddenOrder | str = HiddenOrder.CHAIN,
    max_tokens: int = 4096,
) -> HeldoutScore:
    """Sums ``-log p`` of the hidden words and divides by their characters.

    All hidden words of a passage are masked at once. A word of one token costs ``-log p(token | visible text)``. Under
    ``CHAIN`` a word of several costs ``-sum_k log p(t_k | visible text, t_1 .. t_{k-1})``, which is the exact chain
    rule within the word, the other hidden words staying masked; so a vocabulary of characters and one of words
    answer the same question, and their numbers compare. Under ``TOGETHER`` all tokens of a word are predicted from
    the visible text alone, which ignores what they say about each other: usually higher, and by more for characters.
    Characters that the vocabulary cannot express cost `UNKNOWN_CHARACTER` each, on top of their token's cost. What a
    tokenizer's normalization throws away (case, width of letters) is not charged.

    Args:
        model: The network; left in the mode it was in.
        rows: The passages in its vocabulary.
        config: Its encoder's configuration.
        mask_id: The token that hides others.
        order: How words of several tokens are scored.
        max_tokens: Computed tokens of a batch.

    Returns:
        The score.

    Raises:
        InputError: Nothing is hidden.

    Source: arXiv:1910.14659 for pseudo-likelihood, 2305.10588 for the order within a word.
    """
    order = chosen(HiddenOrder, order, name="order")
    n_characters = sum(row.n_characters for row in rows)
    if not n_characters:
        raise InputError("no held-out character to predict", fix="hold out more or longer documents")
    jobs = [job for row in rows for job in _jobs(row, mask_id, order)]
    device, was_training = model.head.bias.device, model.training
    together, chain, n_tokens = 0.0, 0.0, 0
    model.eval()
    with torch.inference_mode():
        for numbers in sorted_batches([len(job.ids) for job in jobs], max_tokens=max_tokens):
            some = [jobs[i] for i in numbers]
            batch, places = _collate(some, config.pad_id)
            logits = model(batch.to(device), places.to(device)).float()
            targets = torch.from_numpy(np.concatenate([job.targets for job in some])).to(device)
            costs = torch.nn.functional.cross_entropy(logits, targets, reduction="none").cpu().double().numpy()
            at_once = np.concatenate([job.at_once for job in some])
            in_order = np.concatenate([job.in_order for job in some])
            together += float(costs[at_once].sum())
            chain += float(costs[in_order].sum())
            n_tokens += int(at_once.sum())
    model.train(was_training)
    n_unknown = sum(row.n_unknown for row in rows)
    extra = UNKNOWN_CHARACTER * n_unknown
    chosen_sum = chain if order is HiddenOrder.CHAIN else together
    return HeldoutScore(
        (chosen_sum + extra) / n_characters, (together + extra) / n_characters, n_characters, n_tokens, n_unknown
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One row to run: what to predict where, and which sum each prediction belongs to."""

    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    targets: NDArray[np.int64]
    at_once: NDArray[np.bool_]
    in_order: NDArray[np.bool_]


def _jobs(row: PassageRows, mask_id: int, order: HiddenOrder) -> Iterator[_Job]:
    if not row.words:
        return
    places = np.array([place for word in row.words for place in word])
    masked = row.ids.copy()
    masked[places] = mask_id
    first = np.array([place == word[0] for word in row.words for place in word])
    yield _Job(masked, places, row.ids[places], np.ones(len(places), dtype=bool), first)
    if order is HiddenOrder.CHAIN:
        for word in row.words:
            for k in range(1, len(word)):
                revealed, place = masked.copy(), np.array([word[k]])
                revealed[list(word[:k])] = row.ids[list(word[:k])]
                yield _Job(revealed, place, row.ids[place], np.zeros(1, dtype=bool), np.ones(1, dtype=bool))


def _collate(jobs: Sequence[_Job], pad_id: int) -> tuple[TokenBatch, torch.Tensor]:
    seq = max(len(job.ids) for job in jobs)
    ids = torch.full((len(jobs), seq), pad_id)
    mask = torch.zeros(len(jobs), seq, dtype=torch.bool)
    for row, job in enumerate(jobs):
        ids[row, : len(job.ids)] = torch.from_numpy(job.ids)
        mask[row, : len(job.ids)] = True
    zeros = torch.zeros_like(ids)
    batch = TokenBatch(ids, zeros, torch.arange(seq).expand_as(ids), zeros, mask)
    return batch, torch.from_numpy(np.concatenate([row * seq + job.places for row, job in enumerate(jobs)]))
