"""Held out: two sides of a verb change places, and the items of a list do."""

import re
from functools import cache
from random import Random

from .kinds import Edit, EditKind
from .names import find_companies, find_people, find_places
from .tables import Roles, read_table
from .words import Words, cut_words

__all__ = ["has_two_sides", "reorder_list", "same_both_ways", "swap_roles"]


@cache
def _roles() -> Roles:
    return read_table(Roles)


def has_two_sides(word: str) -> bool:
    """Whether a word is a verb of the table, such as 战胜, whose two sides are not alike."""
    return word in _roles().verbs or word in _roles().ways


def same_both_ways(text: str) -> bool:
    """Whether a text asks for what is the same from either side, such as a distance."""
    return any(word in text for word in _roles().same_both_ways)


def swap_roles(text: str, rng: Random) -> Edit | None:
    """Lets the two sides of a verb change places: 公司起诉员工 → 员工起诉公司.

    Args:
        text: The text.
        rng: Draws the verb where several fit.

    Returns:
        The edit, or None where no verb of the table stands between two names or nouns for people and firms.
    """
    words, table = cut_words(text), _roles()
    places = {(name.start, name.end) for name in find_places(text)}
    sides = {(name.start, name.end) for find in (find_people, find_companies) for name in find(text)} | places
    sides |= {(s, s + len(noun)) for noun in table.nouns if noun in text for s in words.find(noun)}
    ways = frozenset[str]() if same_both_ways(text) else table.ways
    fitting = [
        (start0, end0, start1, end1)
        for start0, end0 in sides
        for start1, end1 in sides
        if end0 < start1 and text[start0:end0] != text[start1:end1] and _is_whole(words, start0, end1)
        if text[end0:start1].removesuffix("了") in table.verbs
        or (text[end0:start1] in ways and {(start0, end0), (start1, end1)} <= places)
    ]
    if not fitting:
        return None
    start0, end0, start1, end1 = rng.choice(sorted(fitting))
    swapped = text[start1:end1] + text[end0:start1] + text[start0:end0]
    after = text[:start0] + swapped + text[end1:]
    return Edit(EditKind.ROLE_SWAP, text, after, f"{text[start0:end1]}→{swapped}")


def _is_whole(words: Words, start: int, end: int) -> bool:
    """Whether neither side is part of a longer name or of a list."""
    text, table = words.text, _roles()
    before = next((word for word in words.words if word.end == start), None)
    after = next((word for word in words.words if word.start == end), None)
    left = before is None or before.text in table.before or (before.tag[0] in "cdtx" and before.text != "、")
    right = (
        after is None or after.text in table.after or (after.tag[0] in "acdpvxyr" and after.text not in "、和与及跟")
    )
    return left and right and not text[:start].endswith("被")


_LIST = re.compile(r"(?<=、)[\u4e00-\u9fff]{2,8}(?:、[\u4e00-\u9fff]{2,8})+(?=、)")
_ORDERED = re.compile("分别|依次|顺序|排名|排行|先后|首先|其次|步骤|第[一二三]|上[、述]|冠军|前三|前后|从.*到")


# An item with one of these is a clause, or says more than itself; one that begins with a number has its place.
_NO_ITEM = re.compile("[的等和及或与未是在地了被把将其该各]|(^|、)[一二两三四五六七八九十第]")


def reorder_list(text: str, rng: Random) -> Edit | None:
    """Turns round two items inside a list: 甲、乙、丙和丁 → 甲、丙、乙和丁.

    Only items with a mark on both sides are sure to be whole; the first and the last one stay. Where order says
    something (分别, 依次, 第一) nothing is changed.

    Args:
        text: The text.
        rng: Draws the list and the items.

    Returns:
        The edit, or None where no list has two items inside.
    """
    if _ORDERED.search(text):
        return None
    lists = [match for match in _LIST.finditer(text) if not _NO_ITEM.search(match[0])]
    if not lists:
        return None
    match = rng.choice(lists)
    items = match[0].split("、")
    first = rng.randrange(len(items) - 1)
    items[first], items[first + 1] = items[first + 1], items[first]
    if items == match[0].split("、"):
        return None
    after = text[: match.start()] + "、".join(items) + text[match.end() :]
    return Edit(EditKind.LIST_ORDER, text, after, f"{match[0]}→{'、'.join(items)}")
