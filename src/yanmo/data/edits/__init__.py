"""Edits of texts: hard ones that a strict standard must see, harmless ones that no standard may mind.

`edit_pairs` makes labelled pairs, `EDIT_RULES` holds the rule of every `EditKind`, and `find_numbers`, `find_dates`,
`find_places`, `find_people` and `find_companies` tell what the rules see. `find_differences` compares texts by them.
"""

from .dates import Date, find_dates
from .differences import Difference, DifferenceKind, find_differences
from .generate import EDIT_RULES, edit_pairs
from .kinds import Edit, EditKind, EditRule
from .names import Name, find_companies, find_people, find_places
from .numbers import Number, find_numbers
from .spelling import script_rule

__all__ = [
    "EDIT_RULES",
    "Date",
    "Difference",
    "DifferenceKind",
    "Edit",
    "EditKind",
    "EditRule",
    "Name",
    "Number",
    "edit_pairs",
    "find_companies",
    "find_dates",
    "find_differences",
    "find_numbers",
    "find_people",
    "find_places",
    "script_rule",
]
