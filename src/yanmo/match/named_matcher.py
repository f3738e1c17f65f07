"""Loads the matcher that is named on the command line: a folder, a repository on the hub, or ``default``."""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, require_extra

if TYPE_CHECKING:
    from . import Matcher

__all__ = ["named_folder", "open_matcher"]

_FIX = "leave --device out, or name the folder of a training run"


def open_matcher(name: str, *, n_threads: int | None = None, device: str | None = None) -> "Matcher":
    """Loads a matcher by name: a folder, a repository on the hub, or the bundled one.

    Args:
        name: A folder, the name ``owner/name`` of one on the hub, or the word ``default``.
        n_threads: Threads that score; None takes as many as the process may use.
        device: Where torch runs, such as ``cuda``; None for the CPU, the only one for exported matchers.

    Returns:
        The matcher.
    """
    from . import Matcher
    from .folder import TORCH_FILE

    if name == "default":
        if device not in (None, "cpu"):
            raise InputError(f"the bundled matcher is an export, which the device '{device}' does not take", fix=_FIX)
        return Matcher.default(n_threads=n_threads)
    if n_threads is not None and (Path(name) / TORCH_FILE).is_file():
        # Torch has one number of threads for the whole process.
        require_extra("torch", extra="torch").set_num_threads(n_threads)
        n_threads = None
    return Matcher.from_pretrained(name, n_threads=n_threads, device=device)


def named_folder(name: str | Path) -> Path:
    """Gives the folder that a name stands for: itself, or the bundled matcher's for the word ``default``.

    Args:
        name: A folder, or the word ``default`` where no folder here has that name.

    Returns:
        The folder.
    """
    folder = Path(name)
    return (
        folder if folder.exists() or str(name) != "default" else Path(str(resources.files("yanmo.assets"))) / "default"
    )
