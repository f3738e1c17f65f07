"""Collections of texts under a standard: list against list, groups of the same, search."""

import lazy_loader

# At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dedup": ["deduplicate"],
        "group_rows": ["DoubtfulPair", "GroupedRow", "Groups"],
        "linking": ["Link", "Links", "link"],
        "text_index": ["Hit", "TextIndex", "search"],
    },
)
