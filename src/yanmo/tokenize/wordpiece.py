"""BERT's own tokenization of one piece of text: clean, split at CJK and punctuation, longest-match word pieces."""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

__all__ = ["Piece", "pieces_of"]

Piece = tuple[int, int, int]
"""Token id, start, end; the positions count the characters of the text handed in."""

_MAX_WORD = 200
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def pieces_of(text: str, *, ids: Mapping[str, int], unknown: int) -> list[Piece]:
    """Word pieces of a text that is already in plain form.

    CJK characters and punctuation are words of their own, white space parts words, control characters vanish. A
    word is the longest token at its start, then the longest ``##`` token, and so on; if that fails anywhere, or
    the word is longer than 200 characters, the whole word is unknown.

    Args:
        text: The text.
        ids: The vocabulary.
        unknown: Id of an unknown word.

    Returns:
        The pieces in order.

    Source: the tokenizers of bert4keras and of arXiv:1810.04805.
    """
    if text.isascii() and text.isalnum():
        return _word(text, range(len(text)), ids, unknown)
    found: list[Piece] = []
    word: list[str] = []
    places: list[int] = []
    # The space behind the text ends its last word.
    for i, ch in enumerate(text + " "):
        kind = _kind(ch)
        if word and kind in ("alone", "space"):
            found.extend(_word("".join(word), places, ids, unknown))
            word, places = [], []
        if kind == "alone":
            found.append((ids.get(ch, unknown), i, i + 1))
        elif kind == "letter":
            word.append(ch)
            places.append(i)
    return found


def _word(word: str, places: Sequence[int], ids: Mapping[str, int], unknown: int) -> list[Piece]:
    whole = [(ids.get(word, unknown), places[0], places[-1] + 1)]
    if len(word) > _MAX_WORD:
        return whole
    found: list[Piece] = []
    start, mark = 0, ""
    while start < len(word):
        for end in range(len(word), start, -1):
            token = ids.get(mark + word[start:end])
            if token is not None:
                break
        else:
            return whole
        found.append((token, places[start], places[end - 1] + 1))
        start, mark = end, "##"
    return found


@lru_cache(maxsize=65536)
def _kind(ch: str) -> str:
    code, category = ord(ch), unicodedata.category(ch)
    if (code < 128 and not ch.isalnum() and 33 <= code <= 126) or category.startswith("P"):
        return "alone"
    if any(low <= code <= high for low, high in _CJK):
        return "alone"
    # str.split, which ends words in the original, also parts at the line and paragraph separators (Zl, Zp) and at
    # the ASCII separators; the latter are controls and vanish before.
    if ch in " \n\r\t" or category in ("Zs", "Zl", "Zp"):
        return "space"
    if code in (0, 0xFFFD) or category in ("Cc", "Cf"):
        return "nothing"
    return "letter"
