"""The special tokens of a vocabulary, such as padding, and the one that masks a word in training."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..errors import InputError
from .tokenizer import Tokenizer

__all__ = ["SpecialIds", "find_special_ids", "unknown_id_of"]

_MASK, _UNKNOWN = ("[MASK]", "<mask>"), ("[UNK]", "<unk>")
_OTHERS = ("[PAD]", "<pad>", "<s>", "</s>", "<S>", "<T>")


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Ids of the special tokens, which masked language modelling never predicts.

    Attributes:
        mask: What stands in the place of a hidden token.
        unknown: What stands for text that the vocabulary lacks.
        every: All ids that stand for no text, these two among them, in order.
        has_mask: Whether ``mask`` is a token of its own; otherwise it is ``unknown``.
    """

    mask: int
    unknown: int
    every: tuple[int, ...]
    has_mask: bool


@runtime_checkable
class _Lookup(Protocol):
    def id_of(self, token: str) -> int | None: ...


def find_special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """Finds the ids of a tokenizer's special tokens.

    A vocabulary without a mask token (some were cut down to what embedding models need) has its unknown token hide
    words: it is the one that says "some text, not known which".

    Args:
        tokenizer: A word, character or folder tokenizer.

    Returns:
        The ids.

    Raises:
        InputError: The tokenizer cannot be asked for tokens, or has no unknown token.
    """
    if not isinstance(tokenizer, _Lookup):
        raise InputError("this tokenizer cannot look tokens up", fix="use one that load_tokenizer gives")
    unknown = unknown_id_of(tokenizer)
    if unknown is None:
        raise InputError(f"the vocabulary has none of {', '.join(_UNKNOWN)}", fix="get the tokenizer's files again")
    mask = _first(tokenizer, _MASK)
    found = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, unknown, unknown if mask is None else mask}
    found |= {i for token in _OTHERS if (i := tokenizer.id_of(token)) is not None}
    return SpecialIds(unknown if mask is None else mask, unknown, tuple(sorted(found)), mask is not None)


def unknown_id_of(tokenizer: Tokenizer) -> int | None:
    """Id of the token that stands for text the vocabulary lacks; None where there is none, or nobody can ask for it."""
    return _first(tokenizer, _UNKNOWN) if isinstance(tokenizer, _Lookup) else None


def _first(tokenizer: _Lookup, tokens: tuple[str, ...]) -> int | None:
    return next((i for token in tokens if (i := tokenizer.id_of(token)) is not None), None)
