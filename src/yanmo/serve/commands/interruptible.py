"""Ctrl-C as one sentence that says how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import InputError

__all__ = ["interruptible"]


@contextmanager
def interruptible(fix: str) -> Iterator[None]:
    """Turns Ctrl-C inside a ``with`` block into an error.

    Args:
        fix: How to go on, as a sentence without its full stop.

    Yields:
        Nothing.

    Raises:
        InputError: The block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise InputError("interrupted, nothing is lost", fix=fix) from error
