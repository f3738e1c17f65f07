"""The kinds of details in which two texts differ."""

from enum import Enum

__all__ = ["DifferenceKind"]


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
