"""Halves of surrogate pairs: characters that Python's strings can hold and no encoding can."""

__all__ = ["without_surrogates"]


def without_surrogates(text: str) -> str:
    r"""Replaces every lone surrogate by U+FFFD, so that the length stays the same.

    Args:
        text: The text.

    Returns:
        A text of the same length that has a UTF-8 form.

    Example:
        >>> without_surrogates("天\ud800") == "天\ufffd"
        True
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= ch <= "\udfff" else ch for ch in text)
    return text
