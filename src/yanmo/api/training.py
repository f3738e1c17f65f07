"""``yanmo.train``: one matcher for several standards, out of labelled pairs in whatever people have them in."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.console import Console

from ..data import Columns, OnBadLine, Pair, RejectFile, Task, TaskSet, is_one_table, read_split, task_names
from ..data.held_out import split_off as hold_out
from ..errors import InputError, chosen, require_extra
from ..match import Matcher
from ..match.named_matcher import named_folder
from ..yaml_file import refusal_of

if TYPE_CHECKING:
    from ..fit.matching.config import TrainConfig
    from ..fit.matching.run import RunSummary

__all__ = ["train", "train_run"]

_SHARE = 0.2
_Split = dict[str, list[Pair]]


def train(
    data: Any,
    *,
    base: str | Path,
    out: str | Path,
    tasks: TaskSet | str | Path | Sequence[Task | Mapping[str, Any]] | None = None,
    only: str | Sequence[str] | None = None,
    config: "TrainConfig | Mapping[str, Any] | str | Path | None" = None,
    split: str = "train",
    validation: Any = "valid",
    split_off: float | None = None,
    more: Sequence[Any] = (),
    soft: Sequence[Any] = (),
    first: str | None = None,
    second: str | None = None,
    label: str | None = None,
    encoding: str = "auto",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    resume: bool = False,
    frozen_cache: str | Path | None = None,
    show_progress: bool = True,
) -> Matcher:
    """Trains one matcher on all standards and chooses a threshold for each.

    Args:
        data: Labelled pairs: a data frame (pandas, polars, pyarrow), a data set of ``datasets``, the path of a file, a
            list of dicts or of tuples ``(text, text, label)``; a dict of these by split; or a folder with the tasks'
            folders.
        base: Folder of the encoder, cross-encoder or matcher to start from; ``default`` is the bundled matcher.
        out: Folder for the run and the matcher.
        tasks: The standards: a task set, its file or name, or a list of tasks, as dicts with ``name``, ``column`` and
            what else a task file says. None takes ``sohu`` for a folder, and for one table the standard ``match`` with
            the labels 0 and 1 in the column ``label``.
        only: Names of those to train, in a list or with commas; None for all.
        config: Settings: a mapping such as ``{"n_epochs": 2}``, a YAML file, or a ``TrainConfig``.
        split: Which part of data that have several to learn from.
        validation: Which part to choose thresholds on, or other data for it; None for no thresholds of its own.
        split_off: Share of the pairs to hold out for that instead, in groups that share texts; of one table 0.2.
        more: More data to learn from.
        soft: More data, labelled by a teacher's probabilities.
        first: Column of the first text, where it is neither expected nor customary.
        second: Column of the second text.
        label: Column of the label, where it is neither the task's nor called as the task.
        encoding: Text encoding of files; ``auto`` for UTF-8 or what they look like.
        on_bad_line: Stop at a row that cannot be used, or leave it out and write it to ``OUT.rejects.jsonl``.
        resume: Go on with the killed run in ``out``.
        frozen_cache: Folder for states of frozen layers, kept between runs.
        show_progress: Whether to show how far it is, on standard error.

    Returns:
        The matcher, loaded from ``out``.

    Raises:
        InputError: There is no such base, a row cannot be used, a setting is wrong, or a task cannot be learned.
        MissingExtraError: The packages that training needs are not installed.

    Example:
        ``yanmo.train(frame, base="default", out="runs/faq", tasks=[{"name": "faq", "column": "same"}])``
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    train_run(
        data,
        base=base,
        out=out,
        tasks=tasks,
        only=only,
        config=config,
        split=split,
        validation=validation,
        split_off=split_off,
        more=more,
        soft=soft,
        columns=Columns(first, second, label),
        encoding=encoding,
        on_bad_line=on_bad_line,
        resume=resume,
        frozen_cache=frozen_cache,
        console=Console(stderr=True, quiet=not show_progress),
    )
    return Matcher.from_pretrained(out)


def train_run(
    data: Any,
    *,
    base: str | Path,
    out: str | Path,
    tasks: TaskSet | str | Path | Sequence[Task | Mapping[str, Any]] | None,
    only: str | Sequence[str] | None,
    config: "TrainConfig | Mapping[str, Any] | str | Path | None",
    split: str,
    validation: Any,
    split_off: float | None,
    more: Sequence[Any],
    soft: Sequence[Any],
    columns: Columns,
    encoding: str,
    on_bad_line: OnBadLine | str,
    resume: bool,
    frozen_cache: str | Path | None,
    console: Console,
) -> "RunSummary | None":
    """Trains as ``train`` says, and says how the run ended; None in all processes but the first of several.

    Args:
        data: As in ``train``.
        base: As in ``train``.
        out: As in ``train``.
        tasks: As in ``train``.
        only: As in ``train``.
        config: As in ``train``.
        split: As in ``train``.
        validation: As in ``train``.
        split_off: As in ``train``.
        more: As in ``train``.
        soft: As in ``train``.
        columns: Columns by name.
        encoding: As in ``train``.
        on_bad_line: As in ``train``.
        resume: As in ``train``.
        frozen_cache: As in ``train``.
        console: Where progress is shown.

    Returns:
        How the run ended.
    """
    require_extra("accelerate", extra="train")
    from ..fit.loop.processes import join_processes
    from ..fit.matching.run import train_matcher

    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    out, folder = Path(out), _base_folder(base)  # before anything is read or written
    task_set = _task_set(tasks, data)
    task_set = task_set.subset(task_names(task_set, only)) if only else task_set
    settings = _settings(config)
    is_first = join_processes().is_first

    def say(line: str) -> None:
        if is_first:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    with _rejects(out, on_bad_line, is_first=is_first) as rejected:

        def read(given: Any, its_tasks: TaskSet, part: str) -> _Split:
            return read_split(
                given,
                its_tasks,
                part,
                columns=None if columns == Columns() else columns,
                encoding=encoding,
                on_bad_line=on_bad_line,
                reject_file=rejected,
            )

        learned = read(data, task_set, split)
        if split_off is not None or (is_one_table(data) and isinstance(validation, str)):
            learned, held = _hold_out(learned, split_off, settings.seed, say)
        elif validation is None:
            held = {}
        else:
            is_part = isinstance(validation, str)
            held = read(data if is_part else validation, task_set, validation if is_part else split)
        for given, its_tasks in [(each, task_set) for each in more] + [(each, task_set.softened()) for each in soft]:
            for task, rows in read(given, its_tasks, split).items():
                learned.setdefault(task, []).extend(rows)
    for name, rows in learned.items():
        n_positive = sum(pair.label is not None and pair.label >= 0.5 for pair in rows)
        if n_positive in (0, len(rows)):
            say(f"注意：任务 {name} 的 {len(rows):,} 对训练文本中匹配 {n_positive:,} 对，只有一类，学不到标准")
    for line in _unlike_transformers(folder, settings):
        say(line)
    summary = train_matcher(
        learned,
        held,
        task_set=task_set,
        base=folder,
        out=out,
        config=settings,
        resume=resume,
        frozen_cache=None if frozen_cache is None else Path(frozen_cache),
        origin={
            "base": str(base),
            "data": ", ".join(map(_named, [data, *more, *soft])),
            "tasks": task_set.name if tasks is None or not isinstance(tasks, str | Path) else str(tasks),
            "split": split,
            "validation": validation if isinstance(validation, str) else "none" if validation is None else "data",
        },
        console=console,
    )
    return summary if is_first else None


def _unlike_transformers(base: Path, settings: "TrainConfig") -> list[str]:
    """Says now, rather than when it is trained, that a matcher cannot leave for transformers."""
    from ..export.sequence_classifier import unlike_transformers
    from ..fit.matching.own_head import settle_head
    from ..fit.matching.start_from_matcher import known_tasks, settle_architecture
    from ..match import HeadKind

    settled = settle_head(base, settle_architecture(base, settings))[0].architecture
    other = unlike_transformers(settled)
    if not other or known_tasks(base) or settled.head is HeadKind.CLASSIFICATION:
        return []  # what the base is cannot be set otherwise
    built = "、".join(f"architecture.{name}={given}" for name, (given, _) in other.items())
    ways = " ".join(f"--set architecture.{name}={value}" for name, (_, value) in other.items())
    return [f"{built} 的模型不能用 export --task 导出给 transformers（导出成图不受限）；若要，现在就用 {ways} 训练"]


def _base_folder(base: str | Path) -> Path:
    folder = named_folder(base)
    if not (folder / "config.json").is_file() and not (folder / "matching.json").is_file():
        what = "is no folder of a model (no config.json in it)" if folder.is_dir() else "there is no such folder"
        raise InputError(
            what, where=base, fix="give the folder of an encoder or a matcher, or default for the bundled one"
        )
    return folder


def _task_set(tasks: Any, data: Any) -> TaskSet:
    if isinstance(tasks, TaskSet):
        return tasks
    if isinstance(tasks, str | Path):
        return TaskSet.load(tasks)
    if tasks is None:
        is_folder = isinstance(data, str | Path) and Path(data).is_dir() and not is_one_table(data)
        return TaskSet.load("sohu") if is_folder else TaskSet(name="own", tasks=(Task(name="match"),))
    try:
        return TaskSet(name="own", tasks=tuple(each if isinstance(each, Task) else Task(**each) for each in tasks))
    except ValidationError as error:
        raise InputError(refusal_of(error), where="tasks", fix="give dicts as in a task file: name, column") from error
    except TypeError as error:
        raise InputError(f"the tasks cannot be read ({error})", fix="give dicts with name and column") from error


def _settings(config: Any) -> "TrainConfig":
    from ..fit.matching.config import TrainConfig, load_train_config

    if isinstance(config, TrainConfig):
        return config
    if config is None or isinstance(config, str | Path):
        return load_train_config(None if config is None else Path(config))
    try:
        return TrainConfig.model_validate(dict(config))
    except ValidationError as error:
        raise InputError(refusal_of(error), where="config", fix="correct it; recipes/*.yaml show settings") from error


def _hold_out(pairs: _Split, share: float | None, seed: int, say: Any) -> tuple[_Split, _Split]:
    learned, held = hold_out(pairs, share=_SHARE if share is None else share, seed=seed)
    n_learned, n_held = (sum(map(len, each.values())) for each in (learned, held))
    how = "一份数据没有验证集，" if share is None else ""
    say(f"{how}按共有文本成组、按标注分层留出 {n_held:,} 对选阈值，其余 {n_learned:,} 对用于训练 held out")
    return learned, held


def _named(data: Any) -> str:
    return str(data) if isinstance(data, str | Path) else f"a {type(data).__name__}"


@contextmanager
def _rejects(out: Path, on_bad_line: OnBadLine, *, is_first: bool) -> Iterator[RejectFile | None]:
    """Opens the file for bad lines where they are left out; of several processes the first one's is kept."""
    if on_bad_line is not OnBadLine.SKIP:
        yield None
        return
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = out.parent if is_first else Path(elsewhere)
        with RejectFile(folder / f"{out.name}.rejects.jsonl") as rejects:
            yield rejects
