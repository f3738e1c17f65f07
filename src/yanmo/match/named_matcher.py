"""Loads the matcher that is named on the command line: a folder, a repository on the hub, or ``default``."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import require_extra

if TYPE_CHECKING:
    from . import Matcher

__all__ = ["open_matcher"]


def open_matcher(name: str, *, n_threads: int | None = None) -> "Matcher":
    """Loads a matcher by name: a folder, a repository on the hub, or the bundled one.

    Args:
        name: A folder, the name ``owner/name`` of one on the hub, or the word ``default``.
        n_threads: Threads that score; None takes as many as the process may use.

    Returns:
        The matcher.
    """
    from . import Matcher
    from .folder import TORCH_FILE

    if name == "default":
        return Matcher.default(n_threads=n_threads)
    if n_threads is not None and (Path(name) / TORCH_FILE).is_file():
        # Torch has one number of threads for the whole process.
        require_extra("torch", extra="torch").set_num_threads(n_threads)
        n_threads = None
    return Matcher.from_pretrained(name, n_threads=n_threads)
