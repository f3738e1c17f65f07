"""A list of synonyms in a text file; no torch."""

from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from .lines import read_lines

__all__ = ["read_synonyms"]


def read_synonyms(path: Path, *, encoding: str = "utf-8") -> Mapping[str, tuple[str, ...]]:
    """Reads groups of words that may stand for one another.

    A line is a group, its words parted by white space; empty lines and lines that begin with ``#`` are passed over. A
    word may stand in several groups.

    Args:
        path: The file, plain or compressed.
        encoding: Its text encoding.

    Returns:
        For every word the others of its groups, in the order of the file.

    Raises:
        InputError: A line does not decode, a group has one word only, or there is no group.
    """
    found: dict[str, dict[str, None]] = {}
    for line in read_lines(path, encoding=encoding):
        if line.flaw is not None:
            raise InputError(line.flaw.reason, where=path, line=line.number, fix=line.flaw.fix)
        words = list(dict.fromkeys(line.text.split()))
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 2:
            raise InputError(
                f"the group holds only '{words[0]}', expected two words or more",
                where=path,
                line=line.number,
                fix="part the words by spaces, or delete the line",
            )
        for word in words:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in words if other != word))
    if not found:
        raise InputError("there is no group of synonyms in it", where=path, fix="write a group of words a line")
    return {word: tuple(others) for word, others in found.items()}
