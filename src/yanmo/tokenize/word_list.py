"""Lists of words, the most frequent first: from jieba's dictionary, a corpus or a file."""

from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError, MissingExtraError
from .plain_form import plain_form
from .segment import Segmenter, WordSegmenter

__all__ = ["frequent_words", "jieba_words", "listed_words"]


def jieba_words() -> list[str]:
    """The words of jieba's own dictionary, the most frequent first (equal ones in the dictionary's order).

    rjieba carries the same dictionary inside its binary and gives no way to list it, so this needs the package jieba;
    its file is read, its code is not run.

    Returns:
        Some 349,000 words.

    Raises:
        MissingExtraError: jieba is not installed.
    """
    found = find_spec("jieba")
    if found is None or found.origin is None:
        raise MissingExtraError(
            "jieba's word list is in the package 'jieba', which the core install leaves out. "
            "Fix: pip install 'yanmo[words]', or give words or a corpus of your own."
        )
    path = Path(found.origin).with_name("dict.txt")
    return listed_words(enumerate(path.read_text(encoding="utf-8").splitlines(), 1), where=path)


def frequent_words(texts: Iterable[str], *, segmenter: Segmenter | None = None) -> list[str]:
    """Lists the words of a corpus by frequency; memory holds one text and the distinct words.

    Only words with a Chinese character count: for Latin letters and digits BERT has its word pieces.

    Args:
        texts: The texts, one at a time; empty ones do no harm.
        segmenter: Cuts them; None is jieba's dictionary.

    Returns:
        The distinct words, the most frequent first, equal ones by code point whatever the order of the texts.

    Raises:
        InputError: No text has a Chinese word.

    Example:
        >>> frequent_words(["今天天气不错", "不错，iPhone 13"])
        ['不错', '今天天气']
    """
    cut = segmenter or WordSegmenter()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(cut(plain_form(text)))
    chinese = [word for word in counts if any("一" <= ch <= "龥" for ch in word)]
    if not chinese:
        raise InputError("the corpus has no Chinese word", fix="name files with Chinese text, one a line")
    return sorted(chinese, key=lambda word: (-counts[word], word))


def listed_words(lines: Iterable[tuple[int, str]], *, where: Path | None = None) -> list[str]:
    r"""Reads a word list: one word a line, or a word and its count (more columns, such as jieba's tag, do not count).

    Args:
        lines: Line numbers and lines, with or without their line ends; blank ones are passed over.
        where: The file they came from, for messages.

    Returns:
        The words; by count where there are counts (equal ones as listed), else as listed. A word listed twice has its
        highest count.

    Raises:
        InputError: Some lines have a count and others none, a count is no whole number, or there are no words.

    Example:
        >>> listed_words([(1, "冠心病 3\n"), (2, "支架 20 n\n")])
        ['支架', '冠心病']
    """
    counts: dict[str, int] = {}
    first: tuple[int, bool] | None = None
    for number, line in lines:
        columns = line.removeprefix("\ufeff").split()
        if not columns:
            continue
        if "\0" in line:
            raise InputError("holds a null byte", where=where, line=number, fix="name a text file, one word a line")
        counted = len(columns) > 1
        first = first or (number, counted)
        if counted != first[1]:
            raise InputError(
                f"has {'a' if counted else 'no'} count, and line {first[0]} has {'one' if first[1] else 'none'}",
                where=where,
                line=number,
                fix="give every word a count, or none",
            )
        if counted and not columns[1].isdecimal():
            raise InputError(
                f"the count {columns[1]!r} is no whole number",
                where=where,
                line=number,
                fix="write one word a line without spaces, and after a space its count",
            )
        counts[columns[0]] = max(counts.get(columns[0], 0), int(columns[1]) if counted else 0)
    if not counts:
        raise InputError("the word list is empty", where=where, fix="write one word a line")
    return sorted(counts, key=lambda word: -counts[word])
