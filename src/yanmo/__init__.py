"""Yanmo 研墨: Chinese text matching under many standards, and the training dynamics behind it.

Example:
    >>> from yanmo import Matcher
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .match import Matcher
    from .match.embedder import Embedder

__all__ = ["Embedder", "Matcher"]


def __getattr__(name: str) -> Any:
    # At first use rather than at import: the tokenizers alone should not wait for the matcher's packages.
    if name == "Matcher":
        from .match import Matcher

        return Matcher
    if name == "Embedder":
        from .match.embedder import Embedder

        return Embedder
    raise AttributeError(f"module 'yanmo' has no attribute {name!r}")
