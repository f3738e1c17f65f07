"""Groups of texts that say the same under a standard, with the row of each that stays and the reason of each merge."""

from collections.abc import Collection
from pathlib import Path

from ..data.edits import DifferenceKind
from ..errors import InputError
from ..match import Matcher
from .apart import apart_rule
from .group_rows import Groups, find_groups
from .keep import keep_order
from .rows_out import check_output, write_rows
from .text_vectors import TextVectors
from .texts import GivenTexts, TextTable, first_columns, read_texts
from .vector_folder import Encode, VectorFolder
from .work_folder import Progress, silent, work_folder

__all__ = ["deduplicate"]

_OWN_COLUMNS = ("id", "group", "keep", "reason")


def deduplicate(
    data: GivenTexts,
    *,
    matcher: Matcher,
    task: str,
    out: str | Path | None = None,
    keep: str = "first",
    index: str | Path | None = None,
    candidates: int | None = None,
    recall: float = 0.98,
    apart: str | Collection[str | DifferenceKind] = (),
    overlap: float = 0.0,
    column: str | None = None,
    id_column: str | None = None,
    encoding: str = "auto",
    encode: Encode | None = None,
    on_progress: Progress | None = None,
) -> Groups:
    """Finds the rows of a collection that say the same under a standard.

    Equal texts and texts of one plain form go together first. Of the rest each is compared with its nearest neighbors
    by the standard's own vectors, and `group_matches` makes groups in which every member matches every other. What was
    computed stands in ``index`` (or, until the output is written, in ``OUT.part``), so that the same call goes on after
    a kill, and a later one with more rows only encodes and scores what is new.

    Args:
        data: A path, a data frame, a list of texts or of dicts.
        matcher: Knows the standard; its texts must be encoded alone.
        task: Name of the standard, a symmetric one.
        out: Where the rows go, a .csv, .tsv, .jsonl, .xlsx or .parquet; the doubtful pairs go beside it, to
            ``NAME.review.csv``. Without an output and an index nothing is kept for another call.
        keep: ``first``, ``longest`` or ``newest:COLUMN``.
        index: Folder that keeps vectors and scores for the next time.
        candidates: Neighbors of each text; None takes as many as ``recall`` needs by an exhaustive sample.
        recall: The share of the matches that the candidates should hold.
        apart: Differences that keep texts apart whatever the standard says, such as ``number,date``, where both texts
            name one, by the rules of `yanmo.data.edits`. What they kept apart is listed for a person.
        overlap: The least share of pairs of neighboring characters that two texts must have in common, from 0 to 1,
            for those who look for copies rather than for what says the same. From 0.3 on, unless ``candidates`` are
            given, all pairs that have it are the candidates, texts without a partner are not encoded, and what shares
            less is not listed.
        column: Column of the texts.
        id_column: Column of the ids.
        encoding: Of the file.
        encode: Where texts are encoded, such as `encoding_on_ray` gives; None encodes them here.
        on_progress: Told of every stage.

    Returns:
        The groups.

    Raises:
        InputError: The kind of a difference is unknown, ``overlap`` is none, the standard is not symmetric, the
            matcher's texts have no vectors of their own, the data cannot be read, an id is there twice, the output
            exists, or the index is of another model.

    Example:
        ``yanmo.deduplicate("questions.csv", matcher=Matcher.default(), task="question", out="groups.csv")``
    """
    rule = apart_rule(apart, overlap=overlap)
    encoder = TextVectors(matcher, task)
    if not encoder.is_symmetric:
        raise InputError(
            f"'{task}' is not symmetric: a match of the one text with the other says nothing of the other with the one",
            fix="name a symmetric standard, or compare two lists with yanmo link",
        )
    table = read_texts(data, column=column, id_column=id_column, encoding=encoding)
    target = None if out is None else Path(out)
    if target is not None:
        check_output(target)
        _check_review(_review_path(target))
        taken = [name for name in _OWN_COLUMNS[1:] if name in table.columns]
        if taken:
            raise InputError(f"has a column '{taken[0]}', which is written", where=table.where, fix="rename it")
    rank = keep_order(table, keep)
    with work_folder(target, index) as (folder, is_ours), VectorFolder.opened(folder, encoder) as store:
        found = find_groups(
            table, rank, store, k=candidates, recall=recall, apart=rule, encode=encode, tell=on_progress or silent
        )
    if target is not None:
        _write(target, table, found, done=folder if is_ours else None)
    return found


def _write(out: Path, table: TextTable, found: Groups, *, done: Path | None) -> None:
    kept = [name for name in table.columns if name != "id"]
    own = [(row.id, row.group, int(row.keep), row.reason) for row in found.rows]
    rows = (
        {**values, **dict(zip(_OWN_COLUMNS, mine, strict=True))} for values, mine in zip(table.rows, own, strict=True)
    )
    text_of = dict(zip(table.ids, table.texts, strict=True))
    review = (
        {
            "id_a": pair.id_a,
            "id_b": pair.id_b,
            "text_a": text_of[pair.id_a],
            "text_b": text_of[pair.id_b],
            "probability": pair.probability,
            "merged": int(pair.merged),
            "why": pair.why,
        }
        for pair in found.doubtful
    )
    columns = ("id_a", "id_b", "text_a", "text_b", "probability", "merged", "why")
    # The groups last: where they stand, all is done.
    write_rows(_review_path(out), columns, review)
    write_rows(out, (*kept, *_OWN_COLUMNS), rows, done=done)


def _check_review(path: Path) -> None:
    """A kill between the two outputs leaves the one for a person, which is written again."""
    if not path.exists():
        return
    try:
        is_ours = {"id_a", "id_b", "merged"} <= set(first_columns(path))
    except InputError:
        is_ours = False
    # Of JSON lines without a row nothing can be told, and nothing is lost.
    if not is_ours and path.stat().st_size:
        raise InputError("exists", where=path, fix="name another output, or move that file away")


def _review_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}.review{out.suffix}")
