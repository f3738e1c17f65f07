"""What a prediction is asked for: which files by which standards, and which columns its output then has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data import Columns, FileFormat, TaskSet, column_names, find_columns, find_split, is_saved_dataset, task_names
from ..data.output_format import OutputFormat
from ..errors import InputError, chosen
from .row_forms import RowForm

__all__ = ["PredictSource", "ReadingRules", "check_sources", "prediction_sources", "read_keep", "row_form"]


@dataclass(frozen=True, slots=True)
class PredictSource:
    """A file of pairs and the standards they are to be judged by."""

    tasks: tuple[str, ...]
    """Names of the tasks, at least one."""
    path: Path
    """The file."""


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """How the files of a prediction are read."""

    columns: Columns | None = None
    """Columns by name, where the files' own are neither expected nor customary."""
    file_format: FileFormat | None = None
    """How rows stand in the files; None tells for each by name and content."""
    encoding: str = "utf-8"
    """Their encoding."""

    def names(self, source: PredictSource, task_set: TaskSet) -> tuple[str, ...]:
        """Gives the columns of a file."""
        return column_names(
            source.path,
            task=task_set.task(source.tasks[0]),
            task_set=task_set,
            columns=self.columns,
            file_format=self.file_format,
            encoding=self.encoding,
        )


def prediction_sources(
    task_set: TaskSet, pairs: Path, *, tasks: str | Sequence[str] | None, split: str
) -> list[PredictSource]:
    """Says which files are to be judged by which standards.

    Args:
        task_set: The standards of the matcher.
        pairs: A file, or a folder with the tasks' folders.
        tasks: The standards named, with commas, several times, or ``all``.
        split: The split of a folder.

    Returns:
        The files, each once.

    Raises:
        InputError: A file is given without saying by which of several standards, or a standard is unknown.
    """
    names = task_names(task_set, tasks)
    if not pairs.is_dir() or is_saved_dataset(pairs):
        if not tasks and len(task_set.tasks) > 1:
            raise InputError(
                "the model knows several standards of match",
                where=pairs,
                fix=f"add --task with one or more of {', '.join(task_set.names)}, or --task all",
            )
        return [PredictSource(names, pairs)]
    by_file: dict[Path, list[str]] = {}
    for name, path in find_split(pairs, task_set.subset(names), split).items():
        by_file.setdefault(path, []).append(name)
    return [PredictSource(tuple(its), path) for path, its in by_file.items()]


def read_keep(given: str | Sequence[str]) -> tuple[str, ...] | None:
    """Reads which columns are to be kept.

    Args:
        given: ``all``, ``none``, names with commas, or a list of names.

    Returns:
        The names; None for all.

    Example:
        >>> read_keep("all"), read_keep("none"), read_keep("shop, price"), read_keep(["a,b"])
        (None, (), ('shop', 'price'), ('a,b',))
    """
    if not isinstance(given, str):
        return tuple(given)
    if given in ("all", "none"):
        return None if given == "all" else ()
    return tuple(name.strip() for name in given.split(",") if name.strip())


def check_sources(sources: Sequence[PredictSource], task_set: TaskSet, rules: ReadingRules) -> None:
    """Makes sure that each file can be read once for all its tasks.

    Args:
        sources: The files.
        task_set: The tasks.
        rules: How they are read.

    Raises:
        InputError: A pipe is to be read twice, or tasks read different columns of one file.
    """
    pipes = [source.path for source in sources if _is_pipe(source.path)]
    if len(set(pipes)) < len(pipes):
        raise InputError("is a pipe, which can be read once only", where=pipes[0], fix="give a file")
    named = rules.columns or Columns()
    if named.first is not None:
        return
    for source in sources:
        tasks = [task_set.task(name) for name in source.tasks]
        expected = {(*task_set.text_columns(task), task_set.id_column(task)) for task in tasks}
        if len(expected) == 1:
            continue
        _refuse_pipe(source.path, "its tasks name different columns")
        found = rules.names(source, task_set)
        read = {find_columns(found, named=named, expected=Columns(a, b, id=c)) for a, b, c in expected}
        if len(read) > 1:
            raise InputError(
                f"{' and '.join(source.tasks)} read different columns of this file",
                where=source.path,
                fix="name them with --first and --second, or predict by one at a time",
            )


def row_form(
    sources: Sequence[PredictSource],
    task_set: TaskSet,
    rules: ReadingRules,
    *,
    output: OutputFormat | str,
    keep: Sequence[str] | None,
    contest: bool,
) -> RowForm:
    """Says which columns the output has.

    Args:
        sources: The files.
        task_set: The tasks.
        rules: How they are read.
        output: What the output is.
        keep: Columns to keep; None for all.
        contest: Whether it is the contest's table.

    Returns:
        The columns.

    Raises:
        InputError: The contest's table is asked for in another form or of several tasks at once, a pipe would have to
            be looked through first, or two columns would have one name.
    """
    output = chosen(OutputFormat, output, name="output")
    tasks = tuple(dict.fromkeys(name for source in sources for name in source.tasks))
    if contest:
        if output is not OutputFormat.CSV:
            raise InputError("the contest's table is CSV", fix="name an output that ends in .csv")
        several = next((source for source in sources if len(source.tasks) > 1), None)
        if several is not None:
            raise InputError(
                "the contest's table of id and label holds one standard of a file", where=several.path, fix="name one"
            )
        return RowForm(output, tasks, is_contest=True)
    names_file = len(sources) > 1
    if keep is not None or output is OutputFormat.JSONL:
        kept = None if keep is None else tuple(dict.fromkeys(keep))
        return RowForm(output, tasks, None if kept is None else tuple(k for k in kept if k != "id"), names_file)
    found: dict[str, None] = {}
    for source in sources:
        _refuse_pipe(source.path, "all its columns are to be kept in a table")
        found |= dict.fromkeys(rules.names(source, task_set))
    return RowForm(output, tasks, tuple(name for name in found if name != "id"), names_file)


def _is_pipe(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _refuse_pipe(path: Path, why: str) -> None:
    if _is_pipe(path):
        raise InputError(
            f"is a pipe, which cannot be looked through first, and {why}",
            where=path,
            fix="name the columns (--first, --second, --keep NAMES or none), or give a file",
        )
