"""Kernels compiled by numba: segmentation by jieba's dictionary, and the tokens of the words that it finds.

A text is an array of code points; no Python string is made for a word. The dictionary is a trie whose states are
numbered from the root, which is state 0. Its edges lie in one hash table: a slot holds a state, the code point that
follows, and the state reached by it. No edge leads to the root, so 0 as a result says that there is no such edge. A
character that is no word of the dictionary gets the number ``n_states + code point``. Most of the time goes into
waiting for memory, and most edges that are asked for do not exist: ``marks`` is a bit table, small enough for the
second level cache, that answers most such questions without a look into the hash table.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import require_extra
from .records import NO_TOKEN

__all__ = ["CODE_POINTS", "MARK_BITS", "STATE_BITS", "cut", "plant", "tokens_of"]

numba = require_extra("numba", extra="words")

CODE_POINTS = 0x110000
STATE_BITS = 20
"""A dictionary may have fewer than 2 to this power of states; the trie has as many slots."""
MARK_BITS = 22
"""The marks are 2 to this power of bits."""
_CODE_BITS = np.uint64(21)
_CHILD_BITS = np.uint64(STATE_BITS)
_CHILD = np.uint64((1 << STATE_BITS) - 1)
_NONE = np.uint64(0)
# 2^64 over the golden ratio: its products spread neighboring keys evenly over their upper bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SLOT_SHIFT, _MARK_SHIFT = np.uint64(64 - STATE_BITS), np.uint64(64 - MARK_BITS)
_SIX, _LOW_SIX = np.uint64(6), np.uint64(63)


def _compiled(function: Callable[..., Any]) -> Any:
    # Type checks that a test run wraps around functions cannot be compiled.
    return numba.njit(cache=True)(unwrap(function))


@_compiled
def _key(state, code):  # type: ignore[no-untyped-def]
    return (np.uint64(state) << _CODE_BITS) | np.uint64(code)


@_compiled
def _slot(slots, key):  # type: ignore[no-untyped-def]
    """Finds the slot that holds a key, or the empty slot where the key would be put."""
    at = np.int64((key * _SPREAD) >> _SLOT_SHIFT)
    while slots[at] != _NONE and slots[at] >> _CHILD_BITS != key:
        at = (at + 1) & (slots.size - 1)
    return at


@_compiled
def _mark(key):  # type: ignore[no-untyped-def]
    """Gives the index of the 64-bit word of ``marks`` that holds a key's bit, and a mask of that bit."""
    place = (key * _SPREAD) >> _MARK_SHIFT
    return np.int64(place >> _SIX), np.uint64(1) << (place & _LOW_SIX)


@_compiled
def _child(slots, marks, state, code):  # type: ignore[no-untyped-def]
    key = _key(state, code)
    at, bit = _mark(key)
    if marks[at] & bit == _NONE:
        return np.int64(0)
    return np.int64(slots[_slot(slots, key)] & _CHILD)


@_compiled
def _is_digit_or_letter(code):  # type: ignore[no-untyped-def]
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122


@_compiled
def _may_be_in_words(code):  # type: ignore[no-untyped-def]
    # jieba's re_han_default: [\u4E00-\u9FD5a-zA-Z0-9+#&\._%\-]
    return (
        0x4E00 <= code <= 0x9FD5 or _is_digit_or_letter(code) or code in (35, 37, 38, 43, 45, 46, 95)  # # % & + - . _
    )


@_compiled
def _plant(codes, ends, weights, slots, marks, weight_of):  # type: ignore[no-untyped-def]
    n_states, start = 1, 0
    for word in range(ends.size):
        state = np.int64(0)
        for i in range(start, ends[word]):
            key = _key(state, codes[i])
            at = _slot(slots, key)
            if slots[at] == _NONE:
                if n_states == weight_of.size:
                    return n_states + 1
                weight_of[n_states] = np.nan
                slots[at] = (key << _CHILD_BITS) | np.uint64(n_states)
                place, bit = _mark(key)
                marks[place] |= bit
                n_states += 1
            state = np.int64(slots[at] & _CHILD)
        weight_of[state] = weights[word]
        start = ends[word]
    return n_states


@_compiled
def _find_path(codes, slots, marks, weight_of, unknown, route, ends, states):  # type: ignore[no-untyped-def]
    """Finds the likeliest segmentation of one run of characters, from back to front as jieba's ``calc`` does.

    Of equally likely words the longest is taken: jieba takes the maximum of pairs (likelihood, end).
    """
    n = codes.size
    route[n] = 0.0
    for first in range(n - 1, -1, -1):
        best, best_end, best_state, state, last = -np.inf, 0, np.int64(0), np.int64(0), first
        while last < n:
            state = _child(slots, marks, state, codes[last])
            if state == 0:
                break
            last += 1
            likelihood = weight_of[state] + route[last]
            # False for what is no word: it is NaN.
            if likelihood >= best:
                best, best_end, best_state = likelihood, last, state
        if best_state == 0:
            best, best_end = unknown + route[first + 1], first + 1
        route[first], ends[first], states[first] = best, best_end, best_state


@_compiled
def _cut(codes, slots, marks, weight_of, unknown, n_states):  # type: ignore[no-untyped-def]
    n = codes.size
    what, ends = np.empty(n, np.int32), np.empty(n, np.int32)
    route, path, states = np.empty(n + 1), np.empty(n, np.int32), np.empty(n, np.int32)
    n_pieces, start = 0, 0
    while start < n:
        stop = start
        while stop < n and _may_be_in_words(codes[stop]):
            stop += 1
        if stop > start:
            run = codes[start:stop]
            _find_path(run, slots, marks, weight_of, unknown, route, path, states)
            first = 0
            while first < run.size:
                last = path[first]
                what[n_pieces] = states[first] if states[first] else n_states + run[first]
                if last == first + 1 and _is_digit_or_letter(run[first]):
                    while last < run.size and path[last] == last + 1 and _is_digit_or_letter(run[last]):
                        last += 1
                    if last > first + 1:
                        what[n_pieces] = -1
                ends[n_pieces] = start + last
                n_pieces += 1
                first = last
        else:
            stop += 1
            what[n_pieces] = n_states + codes[start]
            if codes[start] == 13 and stop < n and codes[stop] == 10:
                stop += 1
                what[n_pieces] = -1
            ends[n_pieces] = stop
            n_pieces += 1
        start = stop
    return what[:n_pieces], ends[:n_pieces]


@_compiled
def _tokens_of(what, n_characters, first, flat, n_rows, others):  # type: ignore[no-untyped-def]
    token_ids, offsets = np.empty(n_characters, np.int32), np.empty((n_characters, 2), np.int32)
    n, n_others, next_other, place = 0, 0, 0, 0
    for piece in what:
        if piece >= 0:
            source, at = flat, first[piece] + 1
            stop = at + 2 * flat[at - 1]
        else:
            source, at = others, next_other
            next_other += 2 * n_rows[n_others]
            n_others += 1
            stop = next_other
        for i in range(at, stop, 2):
            start, place = place, place + source[i + 1]
            if source[i] != NO_TOKEN:
                token_ids[n], offsets[n, 0], offsets[n, 1] = source[i], start, place
                n += 1
    return token_ids[:n], offsets[:n]


def plant(
    codes: NDArray[np.int32],
    ends: NDArray[np.int64],
    weights: NDArray[np.float64],
    slots: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    weight_of: NDArray[np.float64],
) -> int:
    """Enters words into an empty trie; states are numbered in the order in which the words need them.

    Args:
        codes: Code points of all words, one word after the other, int32.
        ends: Where each word ends in them, int64.
        weights: Logarithm of each word's share, float64.
        slots: The trie, uint64[2^STATE_BITS], all 0.
        marks: Its marks, uint64[2^MARK_BITS / 64], all 0.
        weight_of: To be filled: weights of states, float64; NaN where a state is no word. There may be as many states.

    Returns:
        Number of states; one more than there may be where there are too many.
    """
    found: int = _plant(codes, ends, weights, slots, marks, weight_of)
    return found


def cut(
    codes: NDArray[np.int32],
    slots: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    weight_of: NDArray[np.float64],
    unknown: float,
    n_states: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Segments a text into words and other pieces.

    Args:
        codes: Its code points, int32.
        slots: The trie.
        marks: Its marks.
        weight_of: Weights of its states.
        unknown: Weight of a character that is no word.
        n_states: Number of its states.

    Returns:
        What each piece is, int32: a state, or ``n_states`` and a code point, or -1 for others (Latin letters and
        digits in a row, a line end of two characters); and where it ends, int32.
    """
    found: tuple[NDArray[np.int32], NDArray[np.int32]] = _cut(codes, slots, marks, weight_of, unknown, n_states)
    return found


def tokens_of(
    what: NDArray[np.int32],
    n_characters: int,
    first: NDArray[np.int32],
    flat: NDArray[np.int32],
    n_rows: NDArray[np.int64],
    others: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Joins the recorded tokens of a text's pieces to token ids and offsets; see ``WordRecords``.

    Args:
        what: What each piece is, as ``cut`` tells it.
        n_characters: Length of the text; no more tokens come out.
        first: Where in ``flat`` the record of each state and code point begins: its number of rows, then these.
        flat: Records, int32.
        n_rows: Rows of the records of the pieces told as -1, in their order, int64.
        others: These records, int32.

    Returns:
        Token ids, int32[n], and their offsets, int32[n, 2].
    """
    found: tuple[NDArray[np.int32], NDArray[np.int32]] = _tokens_of(what, n_characters, first, flat, n_rows, others)
    return found
