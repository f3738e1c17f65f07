"""Files of JSON that programs write for programs: read whole, or refused in a sentence."""

import json
from pathlib import Path
from typing import Any

from .errors import InputError

__all__ = ["read_json"]


def read_json(path: Path, *, kind: type = dict) -> Any:
    """Reads a file that holds one object, or one list.

    Args:
        path: The file.
        kind: Whether an object (``dict``) or a ``list`` is expected.

    Returns:
        The object or the list.

    Raises:
        InputError: It is not JSON, holds something else, or is nested so deeply that nobody meant it.
        FileNotFoundError: It is not there; what is missing with it, callers know.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> _ = path.write_text('{"a": 1}')
        >>> read_json(path)
        {'a': 1}
    """
    again = "get the file again"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise InputError("is nested too deeply", where=path, fix=again) from None
    except ValueError as error:  # also what is not UTF-8
        raise InputError(f"is not JSON ({error})", where=path, fix=again) from None
    if not isinstance(values, kind):
        raise InputError(f"is not a JSON {'list' if kind is list else 'object'}", where=path, fix=again)
    return values
