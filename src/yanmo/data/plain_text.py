"""Texts that differ in nothing a standard may ask about: width, case, script, invisible characters, spaces, ends."""

import re
from collections.abc import Sequence

from ..tokenize import TextNormalization
from ..tokenize.reading.prepared import prepared_text
from ..tokenize.surrogates import without_surrogates

__all__ = ["HALF_WIDTH", "character_pairs", "first_of_each", "plain_text", "shared_pairs"]

# Spaces beside anything but letters and digits on both sides carry no meaning; "1 5" and "15" do differ.
_SPACES = re.compile(r"\s+")
_FREE_SPACE = re.compile(r"(?<![0-9a-z]) | (?![0-9a-z])")
# Not NFKC, which makes 102 of 10².
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_ENDS = " \t\r\n。．.!！,，;；、~～…"


def plain_text(text: str, *, normalization: TextNormalization | None = None) -> str:
    """The form in which duplicates by spelling are equal.

    Full-width letters and digits become half-width, capitals small, traditional characters simplified where the
    matcher takes that step, spaces that part no letters or digits go, and so do full stops, commas and exclamation
    marks at the ends. A question mark stays: 可以退款 says something and 可以退款？ asks.

    Args:
        text: The text.
        normalization: The steps that the matcher declares; None takes none of them.

    Returns:
        The plain form; texts that have nothing but what is left out give the empty one.

    Example:
        >>> plain_text("ＡＢＣ 公司，") == plain_text("abc公司")
        True
        >>> plain_text("1 5") == plain_text("15")
        False
    """
    steps = normalization or TextNormalization.none()
    traced = prepared_text(without_surrogates(text), steps)
    plain = _SPACES.sub(" ", traced.text.translate(HALF_WIDTH)).casefold()
    return _FREE_SPACE.sub("", plain.strip(_ENDS)).strip(_ENDS)


def first_of_each(keys: Sequence[str]) -> list[int]:
    """For each place the first place with the same key; an empty key is the same as no other.

    Args:
        keys: The keys.

    Returns:
        A place for each.

    Example:
        >>> first_of_each(["a", "b", "a", "", ""])
        [0, 1, 0, 3, 4]
    """
    seen: dict[str, int] = {}
    return [place if not key else seen.setdefault(key, place) for place, key in enumerate(keys)]


def character_pairs(text: str) -> set[str]:
    """The pairs of neighboring characters in the plain form of a text; of one character that one."""
    plain = plain_text(text)
    return {plain[i : i + 2] for i in range(max(1, len(plain) - 1))}


def shared_pairs(first: str, second: str) -> float:
    """The share of pairs of neighboring characters in common, of all that the plain form of either text has."""
    a, b = character_pairs(first), character_pairs(second)
    return len(a & b) / len(a | b)
