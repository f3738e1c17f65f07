"""Label values as files spell them, brought to one spelling."""

import math

__all__ = ["label_key"]

_WORDS = {"true": "1", "false": "0"}


def label_key(value: object) -> str | None:
    """Gives the one spelling under which equal label values compare equal.

    ``"1"``, ``1``, ``1.0``, ``"1.0"``, ``True`` and ``" true "`` are all ``"1"``: the same column arrives as text
    from CSV, as numbers from JSON, and as floats from a data frame that once held gaps.

    Args:
        value: A label as it stands in a file.

    Returns:
        The spelling, or None where the file leaves the label open (null, NaN or an empty text).

    Example:
        >>> label_key(1.0), label_key(" 1 "), label_key(True), label_key("A类"), label_key("")
        ('1', '1', '1', 'A类', None)
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number_key(value)
    text = str(value).strip()
    try:
        # Python reads 1_0 as ten, and nobody else does.
        return text if "_" in text else _number_key(float(text))
    except ValueError:
        return _WORDS.get(text.casefold(), text) or None


def _number_key(number: float) -> str | None:
    if math.isnan(number):
        return None
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)
