"""Yanmo 研墨: Chinese text matching under many standards, and the training dynamics behind it.

Example:
    >>> from yanmo import Matcher
"""

import sys
from types import ModuleType

import lazy_loader

__version__ = "0.2.0"

# At first use rather than at import: the tokenizers alone should not wait for the matcher's packages.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "api": ["evaluate", "export", "predict", "train"],
        "collection": ["deduplicate", "link", "search"],
        "match": ["Matcher"],
        "standard": ["explain", "learn_standard", "promise_threshold"],
        "vectors": ["Embedder"],
    },
)


class _Package(ModuleType):
    """Keeps ``yanmo.evaluate`` and ``yanmo.export`` the functions, whose rooms the import system would put there.

    ``from yanmo.evaluate import ...`` finds the room as ever: it is looked up among the imported modules.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in ("evaluate", "export")):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
