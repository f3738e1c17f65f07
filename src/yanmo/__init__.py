"""Yanmo 研墨: Chinese text matching under many standards, and the training dynamics behind it.

Example:
    >>> from yanmo import Matcher
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .api import evaluate as evaluate
    from .api import export as export
    from .api import predict as predict
    from .api import train as train
    from .collection import deduplicate as deduplicate
    from .collection import link as link
    from .collection import search as search
    from .match import Matcher as Matcher
    from .standard import explain as explain
    from .standard import learn_standard as learn_standard
    from .standard import promise_threshold as promise_threshold
    from .vectors import Embedder as Embedder

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
