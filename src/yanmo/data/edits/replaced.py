"""Spans of a text put in place of one another."""

from collections.abc import Iterable

__all__ = ["replace_spans"]


def replace_spans(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Puts new text into spans that do not overlap.

    Args:
        text: The text.
        spans: Start, end and new text of each, in any order.

    Returns:
        The text with all of them replaced.

    Example:
        >>> replace_spans("甲和乙", [(2, 3, "丙"), (0, 1, "丁")])
        '丁和丙'
    """
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text
