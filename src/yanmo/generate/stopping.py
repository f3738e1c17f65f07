"""Ends a continuation at a text, wherever the borders of its tokens are."""

from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformers import StoppingCriteria

from ..errors import InputError
from .language_tokenizer import LanguageTokenizer

__all__ = ["StopAtText", "find_stop", "spoken_stops"]


def find_stop(text: str, stops: Sequence[str]) -> int | None:
    r"""Finds where the first of some texts begins.

    Args:
        text: What to look in.
        stops: What to look for.

    Returns:
        Place in the text, None if none of them occurs.

    Example:
        >>> find_stop("北京。\n", ["\n", "。"]), find_stop("北京", ["。"])
        (2, None)
    """
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(places, default=None)


def spoken_stops(stops: Sequence[str], tokenizer: LanguageTokenizer) -> tuple[str, ...]:
    """Writes texts to stop at as a model would: as the tokenizer gives back what it takes in.

    CPM-LM's tokenizer, for one, reads a full-width comma as a half-width one (NFKC): a continuation never holds the
    former, and would never stop at it. What comes back as another text altogether, because its characters have no
    token, can never be said.

    Args:
        stops: The texts.
        tokenizer: The model's.

    Returns:
        The texts as they come, each once.

    Raises:
        InputError: A continuation can never hold one of them.
    """
    spoken = []
    for stop in stops:
        text = tokenizer.decode(tokenizer.encode(stop).token_ids.tolist())
        if text not in (stop, normalize("NFKC", stop)):
            raise InputError(
                f"this model can never say {stop!r}, only {text!r}, so it would not stop there",
                fix="stop at a text whose characters its vocabulary has",
            )
        spoken.append(text)
    return tuple(dict.fromkeys(spoken))


class StopAtText(StoppingCriteria):
    """Ends a row as soon as its continuation holds one of the texts.

    transformers' own ``stop_strings`` wants one of its tokenizers and pieces that are joined as they are; here the
    continuation is decoded, so that it works for every tokenizer, at some microseconds a token.

    Args:
        stops: The texts.
        tokenizer: Gives the text of ids.
        n_prompt: Width of the padded prompts, where continuations begin.
    """

    def __init__(self, stops: Sequence[str], *, tokenizer: LanguageTokenizer, n_prompt: int) -> None:
        self.stops = tuple(stops)
        self.tokenizer = tokenizer
        self.n_prompt = n_prompt

    def __call__(self, input_ids: Int[Tensor, "batch seq"], scores: Any, **kwargs: Any) -> Bool[Tensor, " batch"]:
        """Returns which rows are finished, [batch]."""
        del scores, kwargs
        rows = input_ids[:, self.n_prompt :].tolist()
        finished = [find_stop(self.tokenizer.decode(row), self.stops) is not None for row in rows]
        return torch.tensor(finished, dtype=torch.bool, device=input_ids.device)
