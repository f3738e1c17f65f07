"""The option ``--task`` of verbs that take one task: naming two is refused, where the last would win in silence."""

from collections.abc import Sequence

from ...errors import InputError

__all__ = ["one_task"]


def one_task(given: Sequence[str] | None, *, fix: str) -> str | None:
    """Takes the one task that was named.

    Args:
        given: What stood behind every ``--task``, if there was one.
        fix: What to do where several were meant, as a sentence without its full stop.

    Returns:
        The task; None where none was named.

    Raises:
        InputError: Two different ones were named.

    Example:
        >>> one_task(["ssA", "ssA"], fix="name one"), one_task(None, fix="name one")
        ('ssA', None)
    """
    names = list(dict.fromkeys(given or ()))
    if len(names) > 1:
        raise InputError(f"--task names {' and '.join(names)}, and takes one task", fix=fix)
    return names[0] if names else None
