"""Yanmo 研墨: Chinese text matching under many standards, and the training dynamics behind it.

Example:
    >>> from yanmo import Matcher
"""

import lazy_loader

__version__ = "0.2.0"

# At first use rather than at import: the tokenizers alone should not wait for the matcher's packages.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "collection": ["deduplicate", "link", "search"],
        "match": ["Matcher"],
        "standard": ["explain", "learn_standard", "promise_threshold"],
        "vectors": ["Embedder"],
    },
)
