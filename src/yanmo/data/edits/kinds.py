"""What an edit is, and what each kind of it means for a match."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random

__all__ = ["Edit", "EditKind", "EditRule"]


class EditKind(Enum):
    """A kind of edit: whether the edited text still matches, and whether models may be trained on it.

    A hard kind changes what a strict standard asks about (a number, a name, a verb): the pair is no strict match. A
    harmless kind leaves the meaning as it is: the pair is a match under every standard. Kinds held out are for reports:
    they tell whether a model learned to read or learned the edits.
    """

    NUMBER = "number", False, True
    UNIT = "unit", False, True
    PLACE = "place", False, True
    PERSON = "person", False, True
    OPPOSITE = "opposite", False, True
    CONDITION_REMOVED = "condition_removed", False, True
    CONDITION_ADDED = "condition_added", False, True
    PUNCTUATION = "punctuation", True, True
    WIDTH = "width", True, True
    NUMERAL = "numeral", True, True
    DATE_FORM = "date_form", True, True
    SPACING = "spacing", True, True
    POLITENESS = "politeness", True, True
    SCRIPT = "script", True, True
    ROLE_SWAP = "role_swap", False, False
    DATE = "date", False, False
    NEGATION = "negation", False, False
    COMPANY = "company", False, False
    LIST_ORDER = "list_order", True, False

    is_harmless: bool
    is_trained: bool

    def __new__(cls, name: str, is_harmless: bool, is_trained: bool) -> "EditKind":
        """Makes a member whose value is its name in files and reports."""
        member = object.__new__(cls)
        member._value_ = name
        member.is_harmless = is_harmless
        member.is_trained = is_trained
        return member


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of one text.

    Args:
        kind: The kind.
        before: The text as it came.
        after: The edited text.
        what: What changed, such as ``35→25``; for people who read reports.
    """

    kind: EditKind
    before: str
    after: str
    what: str

    @property
    def label(self) -> int:
        """1 where the two texts still match, 0 where they do not."""
        return int(self.kind.is_harmless)


EditRule = Callable[[str, Random], Edit | None]
"""A pure function of a text and a random generator: an edit, or None where the kind does not apply."""
