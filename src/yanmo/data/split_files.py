"""Where in a data directory each task's file of a split stands."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .lines import COMPRESSION_SUFFIXES
from .tasks import Task, TaskSet

__all__ = ["find_split", "stems"]

_STEMS = {"valid": ("valid", "dev", "validation"), "dev": ("dev", "valid"), "test": ("test_with_id", "test")}
_SUFFIXES = (".txt", ".jsonl", ".json", ".ndjson", ".csv", ".tsv")
_TABLES = (".xlsx", ".parquet", ".arrow", ".feather")


def find_split(data_dir: str | Path, task_set: TaskSet, split: str) -> dict[str, Path]:
    """Finds the file of one split for every task that has one.

    A task's folders are tried in order; the first that holds the split is taken. ``valid`` also finds ``dev`` and
    ``validation``, ``test`` finds ``test_with_id`` before ``test``; any other name stands for itself. Files may end
    in .txt, .jsonl, .json, .ndjson, .csv or .tsv, and then in .gz, .zst or .xz, or in .xlsx, .parquet, .arrow or
    .feather.

    Args:
        data_dir: The directory with the tasks' folders.
        task_set: The tasks.
        split: Such as ``train``, ``valid`` or ``test``.

    Returns:
        The file of each task found, by its name, in the order of the set. Two tasks may share one file.

    Raises:
        InputError: The directory does not exist, no task has such a file, or a folder holds it in two forms.
    """
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError("is no folder", where=root, fix="give the folder that holds the tasks' folders")
    found = {}
    for task in task_set.tasks:
        path = next(_files(root, task, split), None)
        if path is not None:
            found[task.name] = path
    if not found:
        folders = ", ".join(dict.fromkeys(folder for task in task_set.tasks for folder in task.folders))
        present = ", ".join(sorted(entry.name for entry in root.iterdir())[:20]) or "nothing"
        raise InputError(
            f"no task has a file for the split '{split}'; looked for {stems(split)[0]}.txt, .jsonl, .csv and the like "
            f"in the folders {folders}; the folder holds {present}",
            where=root,
            fix="give the folder that holds these folders, or say in the task file where to look ('folders')",
        )
    return found


def stems(split: str) -> tuple[str, ...]:
    """Gives the names under which a split is found, the first that is there being taken."""
    return _STEMS.get(split, (split,))


def _files(root: Path, task: Task, split: str) -> Iterator[Path]:
    for folder in task.folders:
        for stem in stems(split):
            names = [stem + suffix + packing for suffix in _SUFFIXES for packing in ("", *COMPRESSION_SUFFIXES)]
            names += [stem + suffix for suffix in _TABLES]
            here = [root / folder / name for name in names if (root / folder / name).is_file()]
            if len(here) > 1:
                both = " and ".join(path.name for path in here)
                raise InputError(f"holds {both}", where=root / folder, fix="keep the one to read")
            yield from here
