"""The task table, the files pairs come from, the matcher and the decisions kept with it."""

from .architecture import Architecture, AttentionKind, HeadKind
from .columns import Columns
from .decisions import Calibration, Decision, MatchingFile
from .formats import FileFormat
from .layout import find_split
from .matcher import Engine, Matcher
from .pair import Pair
from .reading import PairReader, count_rows, read_pairs
from .rejects import OnBadLine, RejectFile
from .split import fingerprint_pairs, read_split
from .tasks import Budget, Task, TaskSet, builtin_task_sets

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
    "RejectFile",
    "Task",
    "TaskSet",
    "builtin_task_sets",
    "count_rows",
    "find_split",
    "fingerprint_pairs",
    "read_pairs",
    "read_split",
]
