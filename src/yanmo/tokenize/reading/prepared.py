"""A text as the steps of a normalization leave it, before any tokenizer."""

from ..surrogates import without_surrogates
from .invisible import without_invisible
from .normalization import TextNormalization
from .simplified import simplified
from .traced import TracedText

__all__ = ["prepared_text"]


def prepared_text(text: str, steps: TextNormalization) -> TracedText:
    """Takes the steps that change characters: invisible ones go, traditional ones become simplified.

    Args:
        text: The text.
        steps: Which steps are taken.

    Returns:
        The text that is left, with the places its characters are from.
    """
    if not steps.taken:
        return TracedText(text)
    traced = TracedText(without_surrogates(text))
    if steps.drop_invisible:
        traced = without_invisible(traced)
    if steps.to_simplified:
        traced = simplified(traced)
    return traced
