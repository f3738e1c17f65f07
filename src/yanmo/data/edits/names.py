"""Names of places, people and companies in a text: from tables and context, missing one rather than taking a word."""

from dataclasses import dataclass
from functools import cache

from .tables import Companies, People, Places, read_table
from .words import Words, cut_words

__all__ = ["Name", "find_companies", "find_people", "find_places", "people"]


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it stands in a text.

    Args:
        text: The name.
        start: Index of its first character.
        group: What others of its kind are found under: ``provinces``, ``singers``; empty for people of no group.
    """

    text: str
    start: int
    group: str

    @property
    def end(self) -> int:
        """Index behind its last character."""
        return self.start + len(self.text)


@cache
def people() -> People:
    """The table of people."""
    return read_table(People)


@cache
def _places() -> dict[str, str]:
    return {place: kind for kind, places in read_table(Places).kinds().items() for place in places}


@cache
def _suffixes() -> tuple[dict[str, list[str]], frozenset[str]]:
    table = read_table(Places)
    return table.suffixes, table.part_of_name


@cache
def _companies() -> dict[str, str]:
    return {company: trade for trade, companies in read_table(Companies).root.items() for company in companies}


def find_places(text: str) -> list[Name]:
    """Finds provinces, cities and countries that stand alone and are no part of another name (南京路, 北京大学).

    Args:
        text: The text.

    Returns:
        The places without 省 or 市, from left to right.

    Example:
        >>> [place.text for place in find_places("从河北省到南京，走南京路")]
        ['河北', '南京']
    """
    words = cut_words(text)
    suffixes, part_of_name = _suffixes()
    found = []
    for place, kind in _places().items():
        start = text.find(place)
        while start >= 0:
            end = start + len(place)
            whole = next((end + len(s) for s in suffixes[kind] if text.startswith(s, end)), end)
            follows = words.after(whole)
            if (
                any(words.stands_alone(start, stop) for stop in (end, whole))
                and follows not in part_of_name
                and not any(text.startswith(part, whole) for part in part_of_name if len(part) > 1)
                and not _in_title(text, start)
                and words.before(start) not in ("中国", "中", "小", "新")
            ):
                found.append(Name(place, start, kind))
            start = text.find(place, end)
    return sorted(found, key=lambda name: name.start)


def find_companies(text: str) -> list[Name]:
    """Finds companies of the table that stand alone.

    Args:
        text: The text.

    Returns:
        The companies, from left to right.

    Example:
        >>> [company.text for company in find_companies("特斯拉和比亚迪谁销量高")]
        ['特斯拉', '比亚迪']
    """
    return _listed(text, _companies())


def find_people(text: str) -> list[Name]:
    """Finds people: well-known ones, and names of two or three characters that the words around them show to be names.

    Names that stand for anyone (张三, 李某, 小王) are not found: changing them changes nothing.

    Args:
        text: The text.

    Returns:
        The people, from left to right.

    Example:
        >>> [person.text for person in find_people("记者张伟表示，刘德华和小王都来了")]
        ['张伟', '刘德华']
    """
    known = {person: group for group, persons in people().known.items() for person in persons}
    found = _listed(text, known)
    words = cut_words(text)
    for start in sorted(words.edges):
        name = _full_name(text, start, words)
        if name and not any(other.start < start + len(name) and start < other.end for other in found):
            found += [Name(name, at, "") for at in words.find(name)]
    return sorted(found, key=lambda name: name.start)


def _full_name(text: str, start: int, words: Words) -> str:
    """A surname with a given name at this place, between words that stand around names."""
    table = people()
    surname = next((s for s in table.double_surnames if text.startswith(s, start)), text[start : start + 1])
    if surname[:1] not in table.surnames and len(surname) == 1:
        return ""
    for length in (2, 1):
        end = start + len(surname) + length
        given = text[start + len(surname) : end]
        if len(given) < length or not words.stands_alone(start, end) or not table.given.issuperset(given):
            continue
        inside = [word for word in words.words if start <= word.start < end]
        is_one_word = len(inside) == 1
        if (is_one_word and inside[0].tag != "nr") or any(len(word.text) > 1 and word.tag[0] != "n" for word in inside):
            continue
        left = any(text[:start].endswith(word) for word in table.before)
        right = words.after(end) in table.after
        if right or (left and (text[end : end + 1] in "，。、：:“" or is_one_word)):
            return surname + given
    return ""


def _listed(text: str, table: dict[str, str]) -> list[Name]:
    words = cut_words(text)
    found = [
        Name(name, at, group) for name, group in table.items() for at in _find(words, name) if not _in_title(text, at)
    ]
    return sorted(found, key=lambda name: name.start)


def _find(words: Words, name: str) -> list[int]:
    return words.find(name) if name in words.text else []


def _in_title(text: str, start: int) -> bool:
    return text.rfind("《", 0, start) > text.rfind("》", 0, start)
