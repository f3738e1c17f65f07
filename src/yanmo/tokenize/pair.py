"""Encodes two texts as one model input or one per window: layout, token budgets, and counts of what was cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, chosen
from .reading.normalization import TextNormalization
from .reading.reader import ReadText, TextReader
from .tokenizer import Tokenizer
from .windows import WindowPlan

__all__ = ["EncodedPair", "PairBudget", "PairEncoder", "PairLayout", "PairWindows"]

_ONE_WINDOW = WindowPlan(at_most=1, overlap=0.0)


class PairLayout(Enum):
    """How two texts are arranged in one model input.

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
        windows: How ``encode_windows`` reads a side that is too long; None cuts it to one window.
        shorter_first: Whether the text of fewer tokens is read as the first, whichever side it stands on, so that a
            pair and the same pair swapped are one input; of two texts of one length (or both longer than can be read)
            the lesser ids come first.
    """

    left: int
    right: int
    head: float = 0.75
    windows: WindowPlan | None = None
    shorter_first: bool = False

    def __post_init__(self) -> None:
        """Refuses budgets that hold no text."""
        if min(self.left, self.right) < 4:
            raise InputError(f"a budget of {self.left} and {self.right} tokens is too small; each side needs 4")
        if not 0 <= self.head <= 1:
            raise InputError(f"the head share must lie between 0 and 1, not at {self.head}")

    @property
    def reach(self) -> int:
        """Tokens of one text that can be read at most, what the other text leaves and all windows counted."""
        return (self.left + self.right) * (1 if self.windows is None else self.windows.at_most)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One pair as one input of the encoder; arrays are int32[n].

    Attributes:
        token_ids: Token ids.
        type_ids: Rows of the type table.
        position_ids: Positions.
        side: 0 for the first text with its special tokens, 1 for the second.
        n_cut: Tokens of each text that the budget left out; of a window, those that no window of the pair reads.
    """

    token_ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]
    position_ids: NDArray[np.int32]
    side: NDArray[np.int32]
    n_cut: tuple[int, int]

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True, slots=True)
class PairWindows:
    """One pair as the inputs that are scored in its place: one, or one for each window of a long text.

    Attributes:
        windows: At least one encoded pair.
        n_read: Tokens of each text that some window reads, special tokens and prefix not counted.
        n_cut: Tokens of each text that no window reads.
        n_unknown: Pieces of each text that the vocabulary lacks.
        is_blank: Whether there is nothing to read in either text.
    """

    windows: tuple[EncodedPair, ...]
    n_read: tuple[int, int]
    n_cut: tuple[int, int]
    n_unknown: tuple[int, int]
    is_blank: bool


class PairEncoder:
    """Encodes pairs of texts as model inputs, all in the same layout.

    Args:
        tokenizer: Text to token ids.
        layout: How the two texts stand in one input.
        prefix: Put before each text and never cut, such as e5's ``"query: "``.
        normalization: The steps taken between a text and its tokens; None takes none.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        layout: PairLayout | str,
        prefix: str = "",
        normalization: TextNormalization | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.layout = chosen(PairLayout, layout, name="layout")
        self.prefix = prefix
        self.normalization = TextNormalization.none() if normalization is None else normalization
        self._reader = TextReader(tokenizer, self.normalization, prefix=prefix)

    def longest(self, budget: PairBudget) -> int:
        """Counts the positions of the longest input that a budget allows.

        Args:
            budget: The budget.

        Returns:
            The number; of texts that are encoded alone, what one has beside an empty one, which lends it all its room.

        Example:
            >>> from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordTokenizer
            >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
            >>> tokenizer = WordTokenizer(vocabulary, segmenter=CharacterSegmenter())
            >>> [PairEncoder(tokenizer, layout=layout).longest(PairBudget(20, 30)) for layout in PairLayout]
            [50, 48]
        """
        whole = budget.left + budget.right
        return whole if self.layout is PairLayout.JOINT else whole - self._n_special[1] - self._reader.n_prefix

    def in_reading_order(self, pairs: Sequence[tuple[str, str]], *, budget: PairBudget) -> list[tuple[str, str]]:
        """Gives each pair as it is read: where the budget takes the shorter text first, some are swapped.

        Args:
            pairs: The texts.
            budget: Whether the shorter comes first.

        Returns:
            The pairs, for programs that read texts as they stand.
        """
        if not budget.shorter_first:
            return list(pairs)
        ids = [[each.token_ids for each in self._reader.read(pair)] for pair in pairs]
        swapped = [_order(b, budget.reach) < _order(a, budget.reach) for a, b in ids]
        return [pair[::-1] if swap else pair for pair, swap in zip(pairs, swapped, strict=True)]

    def encode(self, pair: tuple[str, str], *, budget: PairBudget) -> EncodedPair:
        """Encodes one pair; see ``encode_batch``."""
        return self.encode_batch([pair], budgets=budget)[0]

    def encode_batch(
        self, pairs: Sequence[tuple[str, str]], *, budgets: PairBudget | Sequence[PairBudget]
    ) -> list[EncodedPair]:
        """Encodes many pairs, each as one input that is cut to its budget; windows of the budget are not used.

        Args:
            pairs: The texts.
            budgets: One budget for all pairs, or one for each.

        Returns:
            One encoded pair for each, in order.

        Raises:
            InputError: A budget is too small for the special tokens and the prefix, or budgets and pairs differ in
                number.
        """
        each = [budgets] * len(pairs) if isinstance(budgets, PairBudget) else budgets
        cut = [budget if budget.windows is None else replace(budget, windows=None) for budget in each]
        return [windowed.windows[0] for windowed in self.encode_windows(pairs, budgets=cut)]

    def encode_windows(
        self, pairs: Sequence[tuple[str, str]], *, budgets: PairBudget | Sequence[PairBudget]
    ) -> list[PairWindows]:
        """Encodes many pairs; a pair longer than its budget becomes several inputs if the budget has windows.

        A side that fits stands whole in every input. Where both are too long, the windows of one are put beside those
        of the other at the same place of the text, by proportion: the number of inputs grows with the length and not
        with its square, and each text still has windows of its own, whatever the other text, so that an engine that
        computes a text once finds them again.

        Args:
            pairs: The texts.
            budgets: One budget for all pairs, or one for each. A text that is longer than its windows reach is first
                cut to that length as ``head`` says; with one window, or none, that is the budget's own truncation.

        Returns:
            The inputs of each pair, in order.

        Raises:
            InputError: As ``encode_batch``.
        """
        each = [budgets] * len(pairs) if isinstance(budgets, PairBudget) else list(budgets)
        if len(each) != len(pairs):
            raise InputError(f"{len(pairs)} pairs were given {len(each)} budgets")
        distinct = list(dict.fromkeys(text for pair in pairs for text in pair))
        read = dict(zip(distinct, self._reader.read(distinct), strict=True))
        return [self._encode(read[a], read[b], budget) for (a, b), budget in zip(pairs, each, strict=True)]

    def _encode(self, first: ReadText, second: ReadText, budget: PairBudget) -> PairWindows:
        left, right = first.token_ids, second.token_ids
        if budget.shorter_first and _order(right, budget.reach) < _order(left, budget.reach):
            turned = self._encode(second, first, budget)
            # What was read and cut is told of the texts in the order they were given in.
            return PairWindows(
                tuple(replace(window, n_cut=window.n_cut[::-1]) for window in turned.windows),
                turned.n_read[::-1],
                turned.n_cut[::-1],
                turned.n_unknown[::-1],
                turned.is_blank,
            )
        n_special = self._n_special
        room = (budget.left - n_special[0], budget.right - n_special[1])
        n_prefix = self._reader.n_prefix
        if min(room) <= n_prefix:
            raise InputError(f"a budget of {budget.left} and {budget.right} tokens leaves no room for text")
        limits = _lend(len(left), len(right), room)
        (lefts, a), (rights, b) = (
            self._windows(ids, limit, budget) for ids, limit in zip((left, right), limits, strict=True)
        )
        n_cut = (len(left) - a, len(right) - b)
        n = max(len(lefts), len(rights))
        windows = [self._join(lefts[i * len(lefts) // n], rights[i * len(rights) // n], n_cut) for i in range(n)]
        n_read = (max(0, a - n_prefix), max(0, b - n_prefix))
        n_unknown = (first.n_unknown, second.n_unknown)
        return PairWindows(tuple(windows), n_read, n_cut, n_unknown, first.is_blank and second.is_blank)

    @property
    def _n_special(self) -> tuple[int, int]:
        """Number of special tokens that belong to each of the two texts."""
        return 2, self.tokenizer.n_between if self.layout is PairLayout.JOINT else 2

    def _windows(self, ids: NDArray[np.int32], limit: int, budget: PairBudget) -> tuple[list[NDArray[np.int32]], int]:
        """Splits a text into windows of at most ``limit`` tokens; also counts the tokens that some window holds."""
        if len(ids) <= limit:
            return [ids], len(ids)
        plan, width = budget.windows or _ONE_WINDOW, limit - self._reader.n_prefix
        prefix, text = np.split(ids, [self._reader.n_prefix])
        reach = plan.reach(width)
        if len(text) > reach:
            n_head = round(reach * budget.head)
            text = np.concatenate([text[:n_head], text[len(text) - reach + n_head :]])
        parts = [text[start : start + width] for start in plan.starts(len(text), width)]
        return [np.concatenate([prefix, part]) for part in parts], len(prefix) + len(text)

    def _join(self, a: NDArray[np.int32], b: NDArray[np.int32], n_cut: tuple[int, int]) -> EncodedPair:
        token, joint = self.tokenizer, self.layout is PairLayout.JOINT
        opening = [token.sep_id] * (token.n_between - 1) if joint else [token.cls_id]
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
            n_cut,
        )


def _order(ids: NDArray[np.int32], reach: int) -> tuple[int, list[int], list[int]]:
    """By what of two texts is read as the first: length and ids, as far as a budget that reaches so many can tell."""
    return min(len(ids), reach), ids[:reach].tolist(), ids[-reach:].tolist()


def _lend(left: int, right: int, room: tuple[int, int]) -> tuple[int, int]:
    spare_left, spare_right = max(0, room[0] - left), max(0, room[1] - right)
    return room[0] + spare_right, room[1] + spare_left
