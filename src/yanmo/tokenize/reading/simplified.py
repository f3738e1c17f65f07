"""Traditional characters as simplified ones, by OpenCC's tables."""

from functools import cache
from typing import Any

from .traced import TracedText

__all__ = ["simplified"]


def simplified(text: TracedText) -> TracedText:
    """Reads traditional characters as their simplified forms.

    Nearly every traditional character has one simplified form; where the context decides (乾燥, 乾隆), a table of
    phrases does. Simplified text stays as it is but for single characters that are traditional there as well (峯, 係).
    What Taiwan and Hong Kong write otherwise than OpenCC's own standard (看著), and their own words (軟體), stay.

    Args:
        text: The text, without lone surrogates.

    Returns:
        The text with as many characters: every entry of the tables gives as many as it takes.

    Example:
        >>> simplified(TracedText("頭髮乾燥，乾隆以後")).text
        '头发干燥，乾隆以后'

    Source: OpenCC, data/config/t2s.json.
    """
    return TracedText(_converter().convert(text.text), text.begins, text.ends)


@cache
def _converter() -> Any:
    from opencc import OpenCC  # at first use: it reads its tables

    # Rare characters whose simplified form fonts and vocabularies mostly lack stay traditional.
    return OpenCC("t2s", include_tofu_risk_dictionaries=False)
