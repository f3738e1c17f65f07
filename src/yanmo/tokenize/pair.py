"""Two texts to one input: layout, budgets for each side, and truncation that says what it cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .tokenizer import Tokenizer

__all__ = ["EncodedPair", "PairBudget", "PairEncoder", "PairLayout"]


class PairLayout(Enum):
    """How two texts stand in one input.

    ``JOINT`` is BERT's ``[CLS] A [SEP] B [SEP]`` (with the tokenizer's own number of separators), types 0 and 1,
    positions running on. ``SIDES`` is ``[CLS] A [SEP] [CLS] B [SEP]``, types 0, positions starting again: each side is
    what the text would be alone, as layers below the first joint one need it.
    """

    JOINT = "joint"
    SIDES = "sides"


@dataclass(frozen=True, slots=True)
class PairBudget:
    """How many tokens a pair may have, special tokens included.

    Attributes:
        left: Tokens of the first text.
        right: Tokens of the second text. What one side leaves unused is lent to the other.
        head: Share of a cut side's tokens that is kept from its beginning; the rest is kept from its end.
    """

    left: int
    right: int
    head: float = 0.75

    def __post_init__(self) -> None:
        """Refuses budgets that hold no text."""
        if min(self.left, self.right) < 4:
            raise InputError(f"a budget of {self.left} and {self.right} tokens is too small; each side needs 4")
        if not 0 <= self.head <= 1:
            raise InputError(f"the head share must lie between 0 and 1, not at {self.head}")


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One pair as the encoder reads it; arrays are int32[n].

    Attributes:
        token_ids: Token ids.
        type_ids: Rows of the type table.
        position_ids: Positions.
        side: 0 for the first text with its special tokens, 1 for the second.
        n_cut: Tokens of each text that the budget left out.
    """

    token_ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]
    position_ids: NDArray[np.int32]
    side: NDArray[np.int32]
    n_cut: tuple[int, int]

    def __len__(self) -> int:
        return len(self.token_ids)


class PairEncoder:
    """Encodes pairs in one layout.

    Args:
        tokenizer: Text to token ids.
        layout: How the two texts stand in one input.
        prefix: Put before each text and never cut, such as e5's ``"query: "``.
    """

    def __init__(self, tokenizer: Tokenizer, *, layout: PairLayout, prefix: str = "") -> None:
        self.tokenizer = tokenizer
        self.layout = layout
        self.prefix = prefix
        self._n_prefix = len(tokenizer.encode(prefix).token_ids) if prefix else 0

    def encode(self, pair: tuple[str, str], *, budget: PairBudget) -> EncodedPair:
        """Encodes one pair; see ``encode_batch``."""
        return self.encode_batch([pair], budgets=budget)[0]

    def encode_batch(
        self, pairs: Sequence[tuple[str, str]], *, budgets: PairBudget | Sequence[PairBudget]
    ) -> list[EncodedPair]:
        """Encodes many pairs.

        Args:
            pairs: The texts.
            budgets: One budget for all pairs, or one for each.

        Returns:
            One encoded pair for each, in order.

        Raises:
            InputError: A budget is too small for the special tokens and the prefix, or budgets and pairs differ in
                number.
        """
        each = [budgets] * len(pairs) if isinstance(budgets, PairBudget) else list(budgets)
        if len(each) != len(pairs):
            raise InputError(f"{len(pairs)} pairs were given {len(each)} budgets")
        distinct = list(dict.fromkeys(text for pair in pairs for text in pair))
        encodings = self.tokenizer.encode_batch([self.prefix + text for text in distinct])
        ids = {text: encoding.token_ids for text, encoding in zip(distinct, encodings, strict=True)}
        return [self._join(ids[a], ids[b], budget) for (a, b), budget in zip(pairs, each, strict=True)]

    def _join(self, left: NDArray[np.int32], right: NDArray[np.int32], budget: PairBudget) -> EncodedPair:
        token, joint = self.tokenizer, self.layout is PairLayout.JOINT
        opening = [token.sep_id] * (token.n_between - 1) if joint else [token.cls_id]
        room = (budget.left - 2, budget.right - 1 - len(opening))
        if min(room) <= self._n_prefix:
            raise InputError(f"a budget of {budget.left} and {budget.right} tokens leaves no room for text")
        limits = _lend(len(left), len(right), room)
        a, b = (self._cut(x, limit, budget.head) for x, limit in zip((left, right), limits, strict=True))
        first = np.concatenate([[token.cls_id], a, [token.sep_id]])
        second = np.concatenate([opening, b, [token.sep_id]])
        n, m = len(first), len(second)
        side = np.repeat(np.array([0, 1], dtype=np.int32), [n, m])
        # RoBERTa-like models have one type only, which is also where two separators stand between the texts.
        types = side if joint and token.n_between == 1 else np.zeros_like(side)
        positions = np.arange(n + m) if joint else np.concatenate([np.arange(n), np.arange(m)])
        return EncodedPair(
            np.concatenate([first, second]).astype(np.int32),
            types,
            positions.astype(np.int32),
            side,
            (len(left) - len(a), len(right) - len(b)),
        )

    def _cut(self, ids: NDArray[np.int32], limit: int, head: float) -> NDArray[np.int32]:
        if len(ids) <= limit:
            return ids
        n_head = self._n_prefix + round((limit - self._n_prefix) * head)
        n_tail = limit - n_head
        return np.concatenate([ids[:n_head], ids[len(ids) - n_tail :]])


def _lend(left: int, right: int, room: tuple[int, int]) -> tuple[int, int]:
    spare_left, spare_right = max(0, room[0] - left), max(0, room[1] - right)
    return room[0] + spare_right, room[1] + spare_left
