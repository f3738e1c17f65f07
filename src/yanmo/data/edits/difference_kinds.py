"""The kinds of details in which two texts differ, and how people name them."""

from collections.abc import Collection
from enum import Enum

from ...errors import chosen

__all__ = ["DifferenceKind", "read_kinds"]


class DifferenceKind(Enum):
    """What differs: what texts name, found anywhere; or a wording, found between texts that otherwise read alike."""

    NUMBER = "number", "数字"
    DATE = "date", "日期"
    PLACE = "place", "地名"
    PERSON = "person", "人名"
    COMPANY = "company", "公司"
    NEGATION = "negation", "否定"
    OPPOSITE = "opposite", "反义"
    ORDER = "order", "次序"

    title: str

    @property
    def is_named(self) -> bool:
        """Whether `find_differences` finds it; the others only `find_details` does."""
        return self not in (DifferenceKind.NEGATION, DifferenceKind.OPPOSITE, DifferenceKind.ORDER)

    def __new__(cls, name: str, title: str) -> "DifferenceKind":
        """Makes a member whose value is its name in files; people are shown its title."""
        member = object.__new__(cls)
        member._value_ = name
        member.title = title
        return member


def read_kinds(details: Collection[str | DifferenceKind] | str, *, name: str = "details") -> tuple[DifferenceKind, ...]:
    """Reads kinds of details: themselves, their names, names with commas between them, or ``all``.

    Args:
        details: The kinds.
        name: What the caller calls them.

    Returns:
        Each once, in the given order.

    Raises:
        InputError: There is no such kind.

    Example:
        >>> [kind.value for kind in read_kinds("number,date")], len(read_kinds("all"))
        (['number', 'date'], 8)
    """
    named = details.split(",") if isinstance(details, str) else [*details]
    if named == ["all"]:
        return tuple(DifferenceKind)
    return tuple(dict.fromkeys(chosen(DifferenceKind, each, name=name) for each in named if each != ""))
