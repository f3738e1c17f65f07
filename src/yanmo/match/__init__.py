"""The task table, the files pairs come from, the matcher and the decisions kept with it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .architecture import Architecture, AttentionKind, HeadKind
    from .budget import Budget, WindowPool, Windows
    from .columns import Columns
    from .decisions import Calibration, Decision, MatchingFile
    from .formats import FileFormat
    from .layout import find_split
    from .matcher import Engine, Matcher
    from .pair import Pair
    from .pair_rows import PairRows
    from .reading import PairReader, count_rows, read_pairs
    from .rejects import OnBadLine, RejectFile
    from .split import fingerprint_pairs, read_split
    from .tasks import Task, TaskSet, builtin_task_sets

__all__ = [
    "Architecture",
    "AttentionKind",
    "Budget",
    "Calibration",
    "Columns",
    "Decision",
    "Engine",
    "FileFormat",
    "HeadKind",
    "Matcher",
    "MatchingFile",
    "OnBadLine",
    "Pair",
    "PairReader",
    "PairRows",
    "RejectFile",
    "Task",
    "TaskSet",
    "WindowPool",
    "Windows",
    "builtin_task_sets",
    "count_rows",
    "find_split",
    "fingerprint_pairs",
    "read_pairs",
    "read_split",
]

_MODULES = {
    "Architecture": "architecture",
    "AttentionKind": "architecture",
    "HeadKind": "architecture",
    "Budget": "budget",
    "WindowPool": "budget",
    "Windows": "budget",
    "Columns": "columns",
    "Calibration": "decisions",
    "Decision": "decisions",
    "MatchingFile": "decisions",
    "FileFormat": "formats",
    "find_split": "layout",
    "Engine": "matcher",
    "Matcher": "matcher",
    "Pair": "pair",
    "PairRows": "pair_rows",
    "PairReader": "reading",
    "count_rows": "reading",
    "read_pairs": "reading",
    "OnBadLine": "rejects",
    "RejectFile": "rejects",
    "fingerprint_pairs": "split",
    "read_split": "split",
    "Task": "tasks",
    "TaskSet": "tasks",
    "builtin_task_sets": "tasks",
}


def __getattr__(name: str) -> Any:
    # At first use rather than at import: the command line needs the names of its options, not numpy and pydantic.
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module 'yanmo.match' has no attribute {name!r}")
