"""Documents cut to texts of a few sentences; no torch."""

import re
from collections.abc import Iterable, Iterator

__all__ = ["cut_texts"]

_SENTENCE = re.compile(r".*?(?:[。！？!?；;…]+[”’」』）)]*|\n|$)", re.DOTALL)


def cut_texts(documents: Iterable[str], *, min_characters: int, max_characters: int) -> Iterator[str]:
    """Cuts documents into texts: as many whole sentences as fit, a longer sentence in pieces.

    Args:
        documents: The documents.
        min_characters: Shorter texts are left out.
        max_characters: Length of the longest text.

    Yields:
        The texts, in order, without white space around them.

    Example:
        >>> list(cut_texts(["今天去。明天也去。后天不去了。"], min_characters=4, max_characters=10))
        ['今天去。明天也去。', '后天不去了。']
    """
    for document in documents:
        held = ""
        for sentence in (*_SENTENCE.findall(document), ""):
            if held and (not sentence or len(held) + len(sentence) > max_characters):
                if len(held.strip()) >= min_characters:
                    yield held.strip()
                held = ""
            held += sentence
            while len(held) > max_characters:
                yield held[:max_characters].strip()
                held = held[max_characters:]
