"""``yanmo.predict``: every standard's answer to every pair, as a data frame or in a file."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..atomic import replacing
from ..bulk.asking_rules import asking_rules
from ..bulk.chosen_scorer import choose_scorer
from ..bulk.pair_chunks import PairChunk, score_chunk
from ..bulk.predict import Prediction, check_id_column, predict_files
from ..bulk.request import ReadingRules, prediction_sources, read_keep
from ..bulk.row_forms import RowForm, probability_column
from ..data import Columns, FileFormat, OnBadLine, Pair, column_names, read_pairs, task_names
from ..data.output_format import OutputFormat
from ..data.whole_tables import check_room, require_writer, write_whole_table
from ..errors import InputError, chosen
from ..match import Matcher
from .frames import with_answers
from .opened import opened

__all__ = ["predict"]

# Pairs judged together in memory.
_PAIRS = 1024


def predict(
    matcher: Matcher | str | Path,
    data: Any,
    *,
    out: str | Path | None = None,
    tasks: str | Sequence[str] | None = None,
    keep: str | Sequence[str] = "all",
    split: str = "test",
    first: str | None = None,
    second: str | None = None,
    id: str | None = None,  # noqa: A002 (as the command line calls it)
    file_format: FileFormat | str | None = None,
    encoding: str = "auto",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    contest: bool = False,
    ask: float | None = None,
    restart: bool = False,
    n_workers: int | None = None,
    on_ray: bool = False,
    device: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Any:
    """Judges every pair by every standard, or by those named, in one pass.

    One row a pair, in the order of the input: the columns kept, ``id`` (of rows without one their number, from 1), and
    of each standard ``T`` two columns, ``T`` (1 or 0) and ``T_probability``.

    Args:
        matcher: The matcher, its folder, its name on the hub, or ``default``; of workers the folder or ``default``.
        data: A data frame (pandas, polars, pyarrow), a data set of ``datasets``, a path, or a list of dicts or of
            tuples ``(text, text)``.
        out: Where to write: .csv, .tsv, .jsonl, .xlsx or .parquet. Of a file the same call goes on after a kill. None
            gives a data frame.
        tasks: Names of standards, in a list or with commas; None for all.
        keep: Columns of the input to keep: ``all``, ``none``, or names.
        split: Which part of a folder with the tasks' folders.
        first: Column of the first text, where it is neither expected nor customary.
        second: Column of the second text.
        id: Column of the row's id.
        file_format: How rows stand in a file; None tells by name and content.
        encoding: Text encoding of a file; ``auto`` for UTF-8 or what it looks like.
        on_bad_line: Stop at a row that cannot be used, or leave it out and write it to ``OUT.rejects.jsonl``; of files
            that are written to a file.
        contest: Write the contest's ``id,label`` table instead, by one standard.
        ask: Share of the pairs of each standard, the least sure ones, to leave to a person: their answer is ``?``; of
            a file that is written to a file.
        restart: Throw away what an interrupted call left.
        n_workers: Processes that judge, each with one thread; None judges in this one.
        on_ray: Whether Ray judges.
        device: Where torch runs, such as ``cuda``; for a matcher given by name.
        on_progress: Told how many pairs are done.

    Returns:
        Without ``out`` a data frame of the input's own kind; for lists and paths pandas, polars or pyarrow, the first
        that is installed. With ``out`` how many pairs were written, and how many match.

    Raises:
        InputError: A row cannot be used, or an option does not go with the others.
        MissingExtraError: There is no package to make a data frame of, or to write the output.

    Example:
        >>> import polars
        >>> pairs = polars.DataFrame({"text1": ["怎么退款"], "text2": ["如何退款"], "shop": [7]})
        >>> found = predict("default", pairs, tasks="question")
        >>> found.columns, found["question"].to_list()
        (['text1', 'text2', 'shop', 'id', 'question', 'question_probability'], [1])
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    data = list(data) if isinstance(data, Iterator) else data  # its columns are looked at before its rows
    columns = Columns(first, second, id=id) if first or second or id else None
    kept = read_keep(keep)
    if out is not None and isinstance(data, str | Path):
        judge, model = opened(matcher, device=device), None if isinstance(matcher, Matcher) else str(matcher)
        sources = prediction_sources(judge.matching.task_set, Path(data), tasks=tasks or "all", split=split)
        asking = None
        if ask is not None:
            asking = asking_rules(judge, sources, share=ask, rules=ReadingRules(columns, file_format, encoding))
        with choose_scorer(judge, model, n_workers=n_workers, on_ray=on_ray, device=device) as scorer:
            return predict_files(
                scorer,
                sources,
                Path(out),
                asking=asking,
                keep=kept,
                contest=contest,
                columns=columns,
                file_format=file_format,
                encoding=encoding,
                on_bad_line=on_bad_line,
                restart=restart,
                on_progress=on_progress,
            )
    refused: dict[str, object] = {
        "on_bad_line": on_bad_line is OnBadLine.SKIP,
        "restart": restart,
        "n_workers": n_workers,
    }
    refused |= {"on_ray": on_ray, "contest": contest, "ask": ask}
    for name, value in refused.items():
        if value:
            raise InputError(f"{name} is for a file that is written to a file", fix="give paths as data and out")
    judge = opened(matcher, device=device)
    names = task_names(judge.matching.task_set, tasks)
    task_set = judge.matching.task_set
    pairs = read_pairs(
        data,
        task=task_set.task(names[0]),
        task_set=task_set,
        labelled=False,
        columns=columns,
        file_format=file_format,
        encoding=encoding,
        all_or_no_ids=True,
        keep=kept,
    )
    if out is None:
        answers = _answers(judge, pairs, names, on_progress)
        check_id_column(pairs, kept)
        return with_answers(data, *answers, keep=kept)
    output = OutputFormat.of(Path(out))
    if kept is None and output is not OutputFormat.JSONL:
        found = column_names(data, task=task_set.task(names[0]), task_set=task_set, columns=columns)
        kept = tuple(name for name in found if name != "id")
    return _write(judge, pairs, Path(out), RowForm(output, names, kept), on_progress)


def _answers(
    matcher: Matcher, pairs: Iterator[Pair], names: tuple[str, ...], on_progress: Callable[[int], None] | None
) -> tuple[list[Pair], dict[str, list[Any]]]:
    """The pairs, and the columns that are no input's."""
    read: list[Pair] = []
    columns: dict[str, list[Any]] = {"id": []}
    columns |= {column: [] for name in names for column in (name, probability_column(name))}
    while chunk := list(islice(pairs, _PAIRS)):
        found = matcher.judge([(pair.text0, pair.text1) for pair in chunk], tasks=names)
        columns["id"] += [pair.name for pair in chunk]
        for name, verdict in found.items():
            columns[name] += verdict.accepted.astype(int).tolist()
            columns[probability_column(name)] += verdict.probabilities.tolist()
        read += chunk
        if on_progress is not None:
            on_progress(len(read))
    return read, columns


def _write(
    matcher: Matcher, pairs: Iterator[Pair], out: Path, form: RowForm, on_progress: Callable[[int], None] | None
) -> Prediction:
    """Writes what a program handed in: whole or not at all, and without going on after a kill."""
    require_writer(form.output)
    if out.exists():
        raise InputError("exists", where=out, fix="name another file or delete it")
    n_pairs = n_blank = n_unknown = n_without_id = 0
    matches, apart = dict.fromkeys(form.tasks, 0), Counter[str]()
    whole = out.with_name(f"{out.name}.lines")
    with replacing(whole if form.output.is_whole else out) as temporary, temporary.open("wb") as file:
        file.write(form.header)
        while chunk := tuple(islice(pairs, _PAIRS)):
            lines = score_chunk(matcher, PairChunk(0, form.tasks, chunk, form))
            file.write(lines.data)
            n_pairs += lines.n_pairs
            n_blank += lines.n_blank
            n_unknown += lines.n_unknown
            apart += Counter(lines.n_apart)
            n_without_id += sum(pair.id is None for pair in chunk)
            matches = {name: matches[name] + n for name, n in lines.n_matches.items()}
            check_room(form.output, n_pairs, where=out)
            if on_progress is not None:
                on_progress(n_pairs)
    if form.output.is_whole:
        try:
            write_whole_table(whole, out, columns=form.columns, output=form.output)
        finally:
            whole.unlink()
    return Prediction(
        n_pairs,
        0,
        matches,
        0,
        n_without_id=n_without_id,
        n_blank=n_blank,
        n_apart=dict(apart),
        n_unknown=n_unknown,
    )
