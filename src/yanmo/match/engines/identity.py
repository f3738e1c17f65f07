"""What computes a matcher's scores, as something that can be written down and compared."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EngineIdentity", "MatcherIdentity", "digest_files"]


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """An engine and what it computes with; two of one identity give one score for one pair."""

    engine: str
    """Its name and version."""
    weights: str
    """SHA-256 of the weights and the sizes of the network, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class MatcherIdentity:
    """The same of a matcher, with what cuts texts into tokens."""

    engine: str
    """Name and version of the engine."""
    weights: str
    """SHA-256 of the weights and the sizes of the network, 64 hex digits."""
    tokenizer: str
    """SHA-256 of the tokenizer's files, 64 hex digits."""


def digest_files(paths: Iterable[Path]) -> str:
    """Gives one digest of some files' names and bytes.

    Args:
        paths: The files.

    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        with path.open("rb") as file:
            content = hashlib.sha256()
            while block := file.read(1 << 20):
                content.update(block)
        digest.update(f"{path.name} {content.hexdigest()}\n".encode())
    return digest.hexdigest()
