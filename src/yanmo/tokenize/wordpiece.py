"""BERT's own tokenization of one piece of text: clean, split at CJK and punctuation, longest-match word pieces."""

import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["Piece", "pieces_of", "plain_form"]

Piece = tuple[int, int, int]
"""Token id, start, end; the positions count the characters of the text handed in."""

_MAX_WORD = 200
# ASCII, common punctuation, unified ideographs and full-width forms: nothing there decomposes or is a mark. Most texts
# are of nothing else, and this check takes a tenth of the time of the work it saves.
_UNTOUCHED = re.compile("[\\x00-\\x7f\\u2010-\\u2027\\u2030-\\u205e\\u3000-\\u3029\\u4e00-\\u9fff\\uff00-\\uffef]*")
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


def plain_form(text: str) -> str:
    """Lower case without combining marks: ``NFD(lower(text))`` less category Mn."""
    lowered = text.lower()
    if _UNTOUCHED.fullmatch(lowered):
        return lowered
    return _marks().sub("", unicodedata.normalize("NFD", lowered))


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
    found: list[Piece] = []
    word: list[str] = []
    places: list[int] = []

    def close() -> None:
        if word:
            found.extend(_word(tuple(word), places, ids, unknown))
            word.clear()
            places.clear()

    for i, ch in enumerate(text):
        kind = _kind(ch)
        if kind == "alone":
            close()
            found.append((ids.get(ch, unknown), i, i + 1))
        elif kind == "space":
            close()
        elif kind == "letter":
            word.append(ch)
            places.append(i)
    close()
    return found


def _word(word: tuple[str, ...], places: list[int], ids: Mapping[str, int], unknown: int) -> list[Piece]:
    whole = [(ids.get("".join(word), unknown), places[0], places[-1] + 1)]
    if len(word) > _MAX_WORD:
        return whole
    text, found, start = "".join(word), [], 0
    while start < len(text):
        mark = "##" if start else ""
        end = next((e for e in range(len(text), start, -1) if mark + text[start:e] in ids), None)
        if end is None:
            return whole
        found.append((ids[mark + text[start:end]], places[start], places[end - 1] + 1))
        start = end
    return found


@lru_cache(maxsize=1)
def _marks() -> re.Pattern[str]:
    """Matches every character of category Mn."""
    runs: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) == "Mn":
            if runs and runs[-1][1] == code - 1:
                runs[-1][1] = code
            else:
                runs.append([code, code])
    return re.compile("[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in runs) + "]+")


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
