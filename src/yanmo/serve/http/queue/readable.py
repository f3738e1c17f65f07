"""The part of a text that its tasks can read: a text of a million characters costs no more than that.

A budget of a few hundred tokens reads the beginning and the end of a text. So only so many characters from either end
are encoded as will hold all those tokens, sixteen for each; a text whose tokens are longer than that on average (long
runs of blanks) is read nearer to its ends. A character counts as many times as NFKC makes of it: U+FDFA becomes 18.
"""

import unicodedata
from dataclasses import replace
from itertools import accumulate

from ....tokenize import PairWindows

__all__ = ["n_characters", "of_whole_texts", "readable_part"]

_CHARACTERS_A_TOKEN = 16


def n_characters(text: str, *, at_most: int) -> int:
    """Counts the characters of a text as a tokenizer will find them.

    Args:
        text: The text.
        at_most: A longer text is not looked into.

    Returns:
        Characters after NFKC; of a text of more than ``at_most`` its length.

    Example:
        >>> n_characters("天ﷺ", at_most=10)
        19
    """
    return len(text) if len(text) > at_most else max(len(text), len(unicodedata.normalize("NFKC", text)))


def readable_part(text: str, *, n_tokens: int) -> str:
    """Leaves out the middle of a text that is far longer than what is read of it.

    Args:
        text: The text.
        n_tokens: Tokens that are read of it at most, from its beginning and its end.

    Returns:
        The text, or its beginning and its end, each with room for all those tokens.

    Example:
        >>> len(readable_part("天" * 1_000_000, n_tokens=10))
        320
    """
    room = _CHARACTERS_A_TOKEN * n_tokens
    if n_characters(text, at_most=2 * room) <= 2 * room:
        return text
    return _beginning(text[:room], room) + _beginning(text[: -room - 1 : -1], room)[::-1]


def of_whole_texts(reading: PairWindows, whole: tuple[str, str], parts: tuple[str, str]) -> PairWindows:
    """Corrects the tokens that were left out, where only parts of texts were encoded.

    Args:
        reading: How the parts are read.
        whole: The texts.
        parts: Their readable parts.

    Returns:
        The reading, with what is left out of the whole texts, estimated by the tokens of the parts.
    """
    if parts == whole:
        return reading
    total = [
        round((read + cut) * len(text) / max(len(part), 1))
        for read, cut, text, part in zip(reading.n_read, reading.n_cut, whole, parts, strict=True)
    ]
    return replace(reading, n_cut=(total[0] - reading.n_read[0], total[1] - reading.n_read[1]))


def _beginning(text: str, room: int) -> str:
    if n_characters(text, at_most=room) <= room:
        return text
    reached = accumulate(len(unicodedata.normalize("NFKC", ch)) for ch in text)
    return text[: sum(1 for n in reached if n <= room)]
