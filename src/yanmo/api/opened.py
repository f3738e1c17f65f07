"""A matcher as functions take it: the object, or its name."""

from pathlib import Path

from ..errors import InputError
from ..match import Matcher, open_matcher

__all__ = ["opened"]


def opened(matcher: Matcher | str | Path, *, device: str | None = None, n_threads: int | None = None) -> Matcher:
    """Gives the matcher, loading it where it is named.

    Args:
        matcher: A matcher, its folder, its name on the hub, or ``default``.
        device: Where torch runs, for one that is named.
        n_threads: Threads that score, for one that is named.

    Returns:
        The matcher.

    Raises:
        InputError: There is none of that name, or a device is given for one that is loaded already.
    """
    if isinstance(matcher, Matcher):
        if device is not None:
            raise InputError(
                f"the device '{device}' is given for a matcher that is loaded already",
                fix="load it there: Matcher.from_pretrained(folder, device=...)",
            )
        return matcher
    return open_matcher(str(matcher), device=device, n_threads=n_threads)
