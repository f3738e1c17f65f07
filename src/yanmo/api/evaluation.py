"""``yanmo.evaluate``: a matcher judged on labelled pairs, and two of them compared on the same ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..data import (
    Columns,
    FileFormat,
    OnBadLine,
    Pair,
    RejectFile,
    TaskSet,
    fingerprint_pairs,
    is_one_table,
    read_split,
    task_names,
)
from ..errors import InputError, chosen
from ..evaluate import (
    Consistency,
    Difference,
    Judgement,
    TaskScores,
    Truncation,
    compare_models,
    judge_across_halves,
    judge_stored,
    measure_consistency,
    measure_truncation,
    score_split,
    write_report,
)
from ..match import Decision, Matcher
from ..standard import mix_note
from .opened import opened

__all__ = ["Evaluation", "compare", "evaluate", "evaluate_pairs", "read_labelled"]

# Fewer labelled pairs than these are as many as a threshold was chosen on by chance.
_TELLING = 30


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How good a matcher is on some labelled pairs; ``str`` of it says so in a few lines."""

    judgement: Judgement
    """Every number with its interval: ``judgement.tasks["ssA"].f1``."""
    scores: Sequence[TaskScores]
    """Labels and logits of each task."""
    decisions: Mapping[str, Decision]
    """The rule of each task."""
    consistency: Sequence[Consistency]
    """How strict standards agree with the looser ones that they imply."""
    truncation: Mapping[str, Truncation]
    """How much of the pairs of each task was not read."""
    note: str = ""
    """Why the numbers may flatter, if they may."""

    def as_json(self) -> dict[str, Any]:
        """Gives all numbers, as ``yanmo evaluate --json`` writes them."""
        values = self.judgement.as_json() | {"note": self.note}
        values["consistency"] = [asdict(entry) for entry in self.consistency]
        return values | {"truncation": {task: asdict(entry) for task, entry in self.truncation.items()}}

    def write_report(self, path: str | Path, *, title: str = "研墨 Yanmo") -> None:
        """Writes an HTML page: numbers, curves, the worst errors; raises MissingExtraError without matplotlib."""
        write_report(
            Path(path),
            self.judgement,
            self.scores,
            self.decisions,
            title=title,
            note=self.note,
            consistency=self.consistency,
        )

    def __str__(self) -> str:
        lines = [
            f"{name}: F1 {r.f1:.3f} [{r.f1_interval[0]:.3f}, {r.f1_interval[1]:.3f}]"
            f"{'' if r.auc is None else f', AUC {r.auc:.3f}'}, {r.n:,} pairs, {r.n_positive:,} matches"
            for name, r in self.judgement.tasks.items()
        ]
        return "\n".join([*lines, *([self.note] if self.note else [])])


def evaluate(
    matcher: Matcher | str | Path,
    data: Any,
    *,
    tasks: str | Sequence[str] | None = None,
    split: str = "valid",
    halves: bool = False,
    first: str | None = None,
    second: str | None = None,
    label: str | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "auto",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    reject_file: RejectFile | None = None,
    device: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Judges a matcher on labelled pairs, by the thresholds it carries.

    Args:
        matcher: The matcher, its folder, its name on the hub, or ``default``.
        data: Labelled pairs: a data frame (pandas, polars, pyarrow), a data set of ``datasets``, the path of a file, a
            list of dicts or of tuples ``(text, text, label)``; or a folder with the tasks' folders, or a dict by split.
        tasks: Names of standards, in a list or with commas; None for all that the data have labels of.
        split: Which part of data that have several.
        halves: Take each threshold from the other half of the pairs, not from the matcher.
        first: Column of the first text, where it is neither expected nor customary.
        second: Column of the second text.
        label: Column of the label, where it is neither the task's nor called as the task.
        file_format: How rows stand in a file; None tells by name and content.
        encoding: Text encoding of a file; ``auto`` for UTF-8 or what it looks like.
        on_bad_line: Stop at a row that cannot be used, or leave it out.
        reject_file: Where rows left out go.
        device: Where torch runs, such as ``cuda``; for a matcher given by name.
        on_progress: Told how many more pairs are scored.

    Returns:
        The numbers, each with its interval.

    Raises:
        InputError: A row cannot be used, no row has a label of any task, or it is not clear of which.

    Example:
        >>> pairs = [("怎么退款", "如何申请退款", 1), ("怎么退款", "多久能发货", 0)] * 2
        >>> found = evaluate("default", pairs, tasks="question")
        >>> found.judgement.tasks["question"].n
        4
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    open_one = opened(matcher, device=device)
    pairs = read_labelled(
        data,
        open_one.matching.task_set,
        tasks=tasks,
        split=split,
        columns=Columns(first, second, label),
        file_format=file_format,
        encoding=encoding,
        on_bad_line=on_bad_line,
        reject_file=reject_file,
    )
    return evaluate_pairs(open_one, pairs, halves=halves, on_progress=on_progress)


def read_labelled(
    data: Any,
    task_set: TaskSet,
    *,
    tasks: str | Sequence[str] | None,
    split: str,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "auto",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    reject_file: RejectFile | None = None,
) -> dict[str, list[Pair]]:
    """Reads the labelled pairs that a matcher is to be judged on.

    Args:
        data: As ``evaluate`` takes it.
        task_set: The matcher's standards.
        tasks: The standards named.
        split: Which part of data that have several.
        columns: Columns by name.
        file_format: How rows stand in a file.
        encoding: Text encoding of a file.
        on_bad_line: Stop at a row that cannot be used, or leave it out.
        reject_file: Where rows left out go.

    Returns:
        The pairs of each task, by its name.

    Raises:
        InputError: Of one table, a label may be that of several standards and none is named.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    wanted = task_set.subset(task_names(task_set, tasks))
    if tasks is None and is_one_table(data) and len(wanted.tasks) > 1:
        _refuse_shared_label(data, wanted, columns=columns, file_format=file_format, encoding=encoding)
    return read_split(
        data,
        wanted,
        split,
        columns=columns if columns != Columns() else None,
        file_format=file_format,
        encoding=encoding,
        on_bad_line=on_bad_line,
        reject_file=reject_file,
    )


def _refuse_shared_label(data: Any, task_set: TaskSet, **options: Any) -> None:
    """A column called label is that of many standards; which one was meant is the caller's to say."""
    from ..data.given_splits import rows_of_tasks

    try:
        found = rows_of_tasks(data, task_set, "", **options)
    except InputError as error:
        raise InputError(error.problem, where=error.where, fix=f"{error.fix}; or name the standard (--task)") from error
    by_label: dict[str, list[str]] = {}
    for name, rows in found.items():
        by_label.setdefault(rows.label, []).append(name)
    label, names = max(by_label.items(), key=lambda item: len(item[1]))
    if len(names) > 1:
        raise InputError(
            f"the label '{label}' may be that of {', '.join(names)}",
            where=data if isinstance(data, str | Path) else "data",
            fix="name the standard: --task NAME, tasks='NAME' in Python",
        )


def evaluate_pairs(
    matcher: Matcher,
    pairs: Mapping[str, Sequence[Pair]],
    *,
    halves: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Judges a matcher on pairs that were read before; see ``evaluate``.

    Args:
        matcher: The matcher.
        pairs: The labelled pairs of each task, by its name.
        halves: Take each threshold from the other half of the pairs.
        on_progress: Told how many more pairs are scored.

    Returns:
        The numbers.
    """
    scores = score_split(matcher, pairs, on_progress=on_progress)
    decisions = {name: matcher.matching.decision(name) for name in matcher.matching.task_set.names}
    return Evaluation(
        judge_across_halves(scores) if halves else judge_stored(scores, decisions),
        scores,
        decisions,
        # Where a strict task implies a loose one, the pairs of each are scored under the other as well.
        measure_consistency(matcher, scores, on_progress=on_progress),
        measure_truncation(matcher, pairs),
        "" if halves else "\n".join(_caveats(matcher, pairs, scores)),
    )


def compare(first: Evaluation, second: Evaluation) -> list[Difference]:
    """Compares two matchers evaluated on the same pairs, by a paired bootstrap.

    Args:
        first: How the one did.
        second: How the other did.

    Returns:
        What the second has over the first under each standard that both know.

    Raises:
        InputError: They share no standard, or were evaluated on different pairs.
    """
    return compare_models(first.scores, second.scores, decisions=(first.decisions, second.decisions))


def _caveats(matcher: Matcher, pairs: Mapping[str, Sequence[Pair]], scores: Sequence[TaskScores]) -> list[str]:
    """What speaks against the numbers: thresholds chosen on these pairs, or for another share of matches."""
    matching = matcher.matching
    remedy = "以上数字偏乐观；加 --halves（Python 中 halves=True）让每个阈值在未参与选择的一半上判断。"
    alike = [name for name, rows in pairs.items() if matching.decision(name).n_examples == len(rows) >= _TELLING]
    lines = []
    if (matching.training or {}).get("validation_fingerprint") == fingerprint_pairs(pairs):
        lines.append(f"注意：模型自带的阈值正是在这份数据上选出的，{remedy}")
    elif alike:
        lines.append(f"注意：{'、'.join(alike)} 的对数与选出自带阈值的那份数据相同，很可能就是那份，若是则{remedy}")
    rules = ((task, matching.decision(task.task)) for task in scores)
    far = [mix_note(task.task, rule, n=len(task), n_matches=task.n_positive) for task, rule in rules]
    return [*lines, *filter(None, far)]
