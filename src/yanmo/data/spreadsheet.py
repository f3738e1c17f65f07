"""Texts in tables that people open in a spreadsheet, which computes what looks like a formula."""

import re

__all__ = ["spreadsheet_safe"]

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def spreadsheet_safe(name: str) -> str:
    """Puts an apostrophe before a text that a spreadsheet would compute, and before one that has it already.

    Whoever opens the table need not trust whoever wrote the texts, and quotes do not keep ``=HYPERLINK(...)`` from
    being one. Taking one apostrophe off where texts begin with it gives every text back; JSON lines, xlsx and parquet
    hold them as they are.

    Args:
        name: The id or another text.

    Returns:
        It, or it after an apostrophe.

    Example:
        >>> [spreadsheet_safe(name) for name in ("=1+1", "-5", "-1+1", "'=1", "Q-77")]
        ["'=1+1", '-5', "'-1+1", "''=1", 'Q-77']
    """
    beginning = name.lstrip("'").lstrip()[:1]
    if not beginning or (beginning not in "=+-@＝＋－＠" and name[:1] not in "\t\r"):
        return name
    return name if _NUMBER.fullmatch(name) else f"'{name}"
