"""Edits of texts: hard ones that a strict standard must see, harmless ones that no standard may mind.

`edit_pairs` makes labelled pairs, `EDIT_RULES` holds the rule of every `EditKind`, and `find_numbers`, `find_dates`,
`find_places`, `find_people` and `find_companies` tell what the rules see. `find_differences` compares texts by them,
and `find_details` tells in what two texts differ that otherwise read alike.
"""

import lazy_loader

# At first use: a task file names kinds of differences, and needs none of the tables.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dates": ["Date", "find_dates"],
        "details": ["find_details"],
        "difference_kinds": ["DifferenceKind"],
        "differences": ["Difference", "find_differences", "said_differences"],
        "generate": ["EDIT_RULES", "edit_pairs"],
        "kinds": ["Edit", "EditKind", "EditRule"],
        "names": ["Name", "find_companies", "find_people", "find_places"],
        "numbers": ["Number", "find_numbers"],
        "spelling": ["script_rule"],
    },
)
