"""Hard edits of names: another place, person or company of the same kind."""

from functools import cache
from random import Random

from .kinds import Edit, EditKind
from .names import Name, find_companies, find_people, find_places, people
from .replaced import replace_spans
from .tables import Companies, Places, read_table

__all__ = ["change_company", "change_person", "change_place"]


@cache
def _place_kinds() -> dict[str, list[str]]:
    return read_table(Places).kinds()


@cache
def _trades() -> dict[str, list[str]]:
    return read_table(Companies).root


def change_place(text: str, rng: Random) -> Edit | None:
    """Changes one place for another of its kind: 河北 → 山东, 南京市 → 杭州市, 美国 → 法国.

    Args:
        text: The text.
        rng: Draws the place and the new one.

    Returns:
        The edit, or None where no place stands alone. Where two places stand side by side (河北石家庄) neither is
        changed: the one would no longer lie in the other.
    """
    found = find_places(text)
    apart = [p for p in found if not any(_touch(text, p, other) for other in found if other is not p)]
    return _rename(text, apart, _place_kinds(), EditKind.PLACE, rng)


def change_company(text: str, rng: Random) -> Edit | None:
    """Changes one company for another of its trade: 特斯拉 → 比亚迪.

    Args:
        text: The text.
        rng: Draws the company and the new one.

    Returns:
        The edit, or None where no company of the table is named.
    """
    return _rename(text, find_companies(text), _trades(), EditKind.COMPANY, rng)


def change_person(text: str, rng: Random) -> Edit | None:
    """Changes one person for another: a well-known one for another of the group, any other for a common name.

    Args:
        text: The text.
        rng: Draws the person and the new one.

    Returns:
        The edit, or None where nobody is named.
    """
    found = find_people(text)
    if not found:
        return None
    chosen = rng.choice(found)
    if chosen.group:
        return _rename(text, [name for name in found if name.text == chosen.text], people().known, EditKind.PERSON, rng)
    table = people()
    given = [given for given in table.new_given if given not in text and len(given) == min(2, len(chosen.text) - 1)]
    new = rng.choice([s for s in table.new_surnames if s != chosen.text[0]]) + rng.choice(given)
    return _replaced(text, chosen.text, new, found, EditKind.PERSON)


def _rename(text: str, found: list[Name], groups: dict[str, list[str]], kind: EditKind, rng: Random) -> Edit | None:
    if not found:
        return None
    chosen = rng.choice(found)
    others = [other for other in groups[chosen.group] if other not in text and other not in chosen.text]
    return _replaced(text, chosen.text, rng.choice(others), found, kind) if others else None


def _replaced(text: str, old: str, new: str, found: list[Name], kind: EditKind) -> Edit:
    spans = [(name.start, name.end, new) for name in found if name.text == old]
    return Edit(kind, text, replace_spans(text, spans), f"{old}→{new}")


def _touch(text: str, one: Name, other: Name) -> bool:
    first, second = sorted((one, other), key=lambda name: name.start)
    return text[first.end : second.start] in ("", "省", "市")
