"""How well a causal language model predicts texts, in nats per character, comparable between vocabularies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel

from ..errors import InputError
from .language_tokenizer import LanguageTokenizer

__all__ = ["TextNats", "text_nats"]


@dataclass(frozen=True, slots=True)
class TextNats:
    """The total negative log-likelihood of some texts, in nats.

    Attributes:
        nats: Sum of ``-log p`` of every token.
        n_tokens: Tokens.
        n_characters: Characters of the texts.
    """

    nats: float
    n_tokens: int
    n_characters: int

    @property
    def per_character(self) -> float:
        """Nats per character."""
        return self.nats / self.n_characters


@torch.inference_mode()
def text_nats(
    network: PreTrainedModel,
    tokenizer: LanguageTokenizer,
    texts: Sequence[str],
    *,
    n_positions: int | None = None,
    max_tokens: int = 1024,
) -> TextNats:
    """Sums the negative log-likelihood of some texts, each as the beginning of a document.

    A text longer than the positions is read in windows; the last token of one is the only context of the next.

    Args:
        network: The model, plain or quantized; evaluated as it is.
        tokenizer: Its tokenizer.
        texts: The texts.
        n_positions: Tokens of a window; None takes all positions of the network.
        max_tokens: Computed tokens of a batch.

    Returns:
        The sums.

    Raises:
        InputError: There is no text, or no window fits the positions.

    Source: ``-log p(text | <eod>)`` over the number of characters.
    """
    most = network.config.n_positions
    n_positions = most if n_positions is None else n_positions
    if not 2 <= n_positions <= most:
        raise InputError(f"n_positions is {n_positions}", fix=f"take 2 to {most}, the positions of the network")
    windows = sorted((window for text in texts for window in _windows(tokenizer, text, n_positions)), key=len)
    if not windows:
        raise InputError("there is no text to measure", fix="give at least one text that is not empty")
    nats = 0.0
    for batch in _batches(windows, max_tokens=max_tokens):
        longest = len(batch[-1])
        token_ids = torch.full((len(batch), longest), tokenizer.pad_id)
        for row, window in enumerate(batch):
            token_ids[row, : len(window)] = torch.tensor(window)
        lengths = torch.tensor([len(window) for window in batch])
        is_real = torch.arange(longest) < lengths[:, None]
        device = network.device
        logits = network(
            input_ids=token_ids.to(device), attention_mask=is_real.long().to(device), use_cache=False
        ).logits
        wanted = token_ids[:, 1:].masked_fill(~is_real[:, 1:], -100).to(device)
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), wanted.flatten(), reduction="sum").item()
    n_tokens = sum(len(window) - 1 for window in windows)
    return TextNats(nats, n_tokens, sum(map(len, texts)))


def _windows(tokenizer: LanguageTokenizer, text: str, n_positions: int) -> Iterator[list[int]]:
    token_ids = [*(tokenizer.start_ids or (tokenizer.eod_id,)), *tokenizer.encode(text).token_ids.tolist()]
    for start in range(0, len(token_ids) - 1, n_positions - 1):
        yield token_ids[start : start + n_positions]


def _batches(windows: Sequence[list[int]], *, max_tokens: int) -> Iterator[Sequence[list[int]]]:
    start = 0
    for end in range(1, len(windows) + 1):
        if end == len(windows) or (end + 1 - start) * len(windows[end]) > max_tokens:
            yield windows[start:end]
            start = end
