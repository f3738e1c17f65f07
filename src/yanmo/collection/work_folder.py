"""Where the work of a call stands, a folder that is kept or one beside the output; and who is told how far it is."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Progress", "silent", "work_folder"]

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and of how much."""


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


@contextmanager
def work_folder(out: Path | None, index: str | Path | None) -> Iterator[tuple[Path, bool]]:
    """Gives the folder of vectors and scores.

    Args:
        out: The output, if there is one.
        index: A folder that is to be kept, if there is one.

    Yields:
        The folder, and whether it is to be deleted once the output is written.
    """
    if index is not None:
        yield Path(index), False
    elif out is not None:
        yield out.with_name(f"{out.name}.part"), True
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder), False
