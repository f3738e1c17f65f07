"""Characters that show nothing, and a text without them."""

import re

from .traced import TracedText

__all__ = ["without_invisible"]

# Unicode's Default_Ignorable_Code_Point (joiners, marks of direction, variation selectors, fillers, tags, ...), then
# control characters that are no white space, and the three that set an annotation apart.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufff9-\ufffb]+"
)


def without_invisible(text: TracedText) -> TracedText:
    r"""Leaves out every character that shows nothing and is no space.

    An emoji joined of several (U+200D) falls into its parts, and one that a tag or a selector changes becomes the one
    without.

    Args:
        text: The text.

    Returns:
        What of it can be seen.

    Example:
        >>> without_invisible(TracedText("巴\u200d萨\ufeff")).text
        '巴萨'

    Source: Unicode Standard Annex 44, DerivedCoreProperties.txt.
    """
    found = [(*run.span(), "") for run in _INVISIBLE.finditer(text.text)]
    return text.replaced(found) if found else text
