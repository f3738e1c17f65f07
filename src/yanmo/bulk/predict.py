"""Files of any size to files of decisions: in flat memory, in the same order, and through a kill at any moment."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..atomic import naming, replacing
from ..data import Columns, FileFormat, OnBadLine, Pair, RejectFile, read_pairs
from ..data.output_format import OutputFormat
from ..data.reading import PairReader
from ..data.whole_tables import check_room, require_writer, write_whole_table
from ..errors import InputError, chosen
from ..match import Decision, MatchingFile
from .output_claim import OutputNames
from .pair_chunks import ChunkLines, ChunkScorer, PairChunk, cut_chunks
from .request import PredictSource, ReadingRules, check_sources, row_form

__all__ = ["PredictSource", "Prediction", "check_id_column", "predict_files"]

# Pairs, or characters, judged together and then put on the disk: some seconds of one core, what a kill costs a process.
# Pairs are sorted by length within a chunk only: of short pairs it takes many, or padding costs more (2 % with these
# numbers on 91 tokens a pair, 8 % with 256 pairs), of long ones few do, and many would keep other workers waiting.
_PAIRS, _CHARACTERS = 1024, 1 << 17


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was written."""

    n_pairs: int
    """Pairs, those of an interrupted earlier call included."""
    n_before: int
    """How many of them an earlier call had done."""
    matches: Mapping[str, int]
    """Matches among those of this call, by task."""
    n_rejected: int
    """Bad lines left out."""
    n_without_id: int = 0
    """Pairs among those of this call that are named by the number of their row."""
    asked: Mapping[str, int] = field(default_factory=dict)
    """Pairs among those of this call that are left to a person, by task."""
    n_blank: int = 0
    """Pairs among those of this call that are no match for having nothing to read in either text."""
    n_apart: Mapping[str, int] = field(default_factory=dict)
    """Pairs among those of this call that are no match for a detail that differs, by task."""
    n_unknown: int = 0
    """Pairs among those of this call with pieces that the vocabulary lacks."""

    @property
    def n_matches(self) -> int:
        """Matches of all tasks."""
        return sum(self.matches.values())


def predict_files(
    scorer: ChunkScorer,
    sources: Sequence[PredictSource],
    out: Path,
    *,
    output: OutputFormat | str | None = None,
    keep: Sequence[str] | None = None,
    contest: bool = False,
    columns: Columns | None = None,
    file_format: FileFormat | str | None = None,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    restart: bool = False,
    asking: Mapping[str, Decision] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Prediction:
    """Decides every pair of some files by all their tasks and writes one row for each, in their order.

    A row holds the columns kept, ``id``, and of each task ``T`` the columns ``T`` (1 or 0) and ``T_probability``; where
    there are several files, also ``file``. Pairs without an id are named by the number of their row; a file where some
    rows have an id and some have none is refused, as those numbers may be ids.

    Until all is done the lines stand in ``OUT.part``, and ``OUT.part.json`` says how many of its bytes are whole. The
    same call after a kill cuts the file there and goes on; nothing is lost or written twice, also where it is judged in
    another place then. It goes on only with the same weights, tokenizer and engine of the same version. A second call
    while the first is at work is refused and touches nothing. xlsx and parquet are written at the end, whole, out of
    JSON lines. A pipe is read once, and what was read from it does not go on.

    Args:
        scorer: Where pairs are judged.
        sources: The files, one after the other.
        out: Where the lines go. It must not exist.
        output: What the output is; None tells by its suffix.
        keep: Columns of the files to keep; None keeps all.
        contest: Whether to write the contest's ``id,label`` instead, each file judged by one task.
        columns: Columns by name, where the files' own are neither expected nor customary.
        file_format: How rows stand in the files; None tells for each by name and first line.
        encoding: Their encoding.
        on_bad_line: Stop at a bad line, or leave it out and write it to ``OUT.rejects.jsonl``.
        restart: Throw away what an interrupted call left.
        asking: Leave pairs that a standard is too unsure of to a person, by these rules in place of the matcher's own;
            see ``asking_rules``. None decides every pair.
        on_progress: Told the pairs done, after every chunk.

    Returns:
        What was written.

    Raises:
        InputError: The output exists or is being written, its working files are somebody's, an interrupted prediction
            was of something else, or a file cannot be read.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    file_format = None if file_format is None else chosen(FileFormat, file_format, name="file_format")
    output = OutputFormat.of(out) if output is None else chosen(OutputFormat, output, name="output")
    require_writer(output)
    names = OutputNames(out)
    options = {
        "columns": None if columns is None else asdict(columns),
        "format": None if file_format is None else file_format.value,
        "encoding": encoding,
        "on_bad_line": on_bad_line.value,
        "output": output.value,
        "keep": None if keep is None else list(keep),
        "contest": contest,
        "ask": None if asking is None else {task: rule.model_dump(mode="json") for task, rule in asking.items()},
    }
    task_set = scorer.matching.task_set
    skipping = on_bad_line is OnBadLine.SKIP
    request = {
        "model": _model_digest(scorer.matching),
        **asdict(scorer.identity),
        "sources": [_identity(source) for source in sources],
        **options,
    }
    rules = ReadingRules(columns, file_format, encoding)
    check_sources(sources, task_set, rules)
    form = row_form(sources, task_set, rules, output=output, keep=keep, contest=contest)
    if contest and asking is not None:
        raise InputError("the contest's table has no third answer", fix="leave --ask or --contest out")
    form = replace(form, asks=asking is not None)
    with names.claimed(source.path for source in sources), ExitStack() as stack:
        if restart:
            names.journal.unlink(missing_ok=True)
        begun = done = _load(names, request)
        stack.callback(_forget_nothing, names)
        _save(names.journal, request, done)
        n_without_id = n_blank = n_unknown = 0
        matches: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        apart: Counter[str] = Counter()
        rejects = RejectFile(names.rejects) if skipping else nullcontext()
        with rejects as reject_file, naming(names.part), names.part.open("r+b") as file:
            file.truncate(done.n_bytes)
            file.seek(done.n_bytes)
            if not done.n_bytes:
                done = replace(done, n_bytes=file.write(form.header))

            def chunks() -> Iterator[PairChunk]:
                nonlocal n_without_id
                for i, source in enumerate(sources):
                    if i < begun.source and not skipping:
                        continue
                    # With bad lines left out, files already done are read again so that the reject file comes out
                    # whole.
                    pairs = read_pairs(
                        source.path,
                        task=task_set.task(source.tasks[0]),
                        task_set=task_set,
                        labelled=False,
                        columns=columns,
                        file_format=file_format,
                        encoding=encoding,
                        on_bad_line=on_bad_line,
                        reject_file=reject_file,
                        start_after=begun.n_in_source if i == begun.source else 0,
                        all_or_no_ids=True,
                        keep=() if contest else keep,
                    )
                    if i < begun.source:
                        for _ in pairs:
                            pass
                        continue
                    for chunk in cut_chunks(pairs, max_pairs=_PAIRS, max_characters=_CHARACTERS):
                        check_id_column(pairs, () if contest else form.kept)
                        if len(sources) > 1 and contest:
                            _check_ids(chunk)
                        n_without_id += sum(pair.id is None for pair in chunk)
                        yield PairChunk(i, source.tasks, chunk, form, asking or {})

            for lines in scorer.lines(chunks()):
                file.write(lines.data)
                file.flush()
                os.fsync(file.fileno())
                matches += Counter(lines.n_matches)
                asked += Counter(lines.n_asked)
                apart += Counter(lines.n_apart)
                n_blank += lines.n_blank
                n_unknown += lines.n_unknown
                done = done.written(lines)
                check_room(output, done.n_pairs, where=out)
                _save(names.journal, request, done)
                if on_progress is not None:
                    on_progress(done.n_pairs)
        if output.is_whole:
            write_whole_table(names.part, out, columns=form.columns, output=form.output)
            names.part.unlink()
        else:
            names.part.replace(out)
        names.journal.unlink(missing_ok=True)
    n_rejected = 0 if reject_file is None else reject_file.n_rejected
    return Prediction(
        done.n_pairs,
        begun.n_pairs,
        dict(matches),
        n_rejected,
        n_without_id,
        dict(asked),
        n_blank,
        dict(apart),
        n_unknown,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    source: int = 0
    n_in_source: int = 0
    n_pairs: int = 0
    n_bytes: int = 0

    def written(self, lines: ChunkLines) -> "_Done":
        in_source = self.n_in_source if lines.source == self.source else 0
        return _Done(
            lines.source, in_source + lines.n_pairs, self.n_pairs + lines.n_pairs, self.n_bytes + len(lines.data)
        )


def _save(journal: Path, request: Mapping[str, Any], done: _Done) -> None:
    with replacing(journal) as temporary:
        temporary.write_text(json.dumps({"request": request, "done": asdict(done)}, ensure_ascii=False), "utf-8")


def _load(names: OutputNames, request: Mapping[str, Any]) -> _Done:
    if not names.journal.exists():
        return _Done()
    try:
        saved = json.loads(names.journal.read_text("utf-8"))
        done, before = _Done(**saved["done"]), saved["request"]
        changed = [key for key in {**request, **before} if before.get(key) != request.get(key)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("is damaged", where=names.journal, fix="begin anew with --restart") from error
    if not done.n_pairs:
        return _Done()  # nothing is bound by what nothing was written for
    if changed:
        raise InputError(
            f"belongs to an interrupted prediction with other {', '.join(changed)}",
            where=names.journal,
            fix="repeat that call, name another output, or begin anew with --restart",
        )
    if any(stamp is None for _, _, stamp in request["sources"]):
        raise InputError(
            "an interrupted prediction read from a pipe, which cannot be read again from its beginning",
            where=names.journal,
            fix="begin anew with --restart, or give a file",
        )
    if names.part.stat().st_size < done.n_bytes:
        raise InputError("lacks lines that were written before", where=names.part, fix="begin anew with --restart")
    return done


def _forget_nothing(names: OutputNames) -> None:
    """Deletes the journal of a prediction that ends before its first pair is written."""
    try:
        n_pairs = json.loads(names.journal.read_text("utf-8"))["done"]["n_pairs"]
    except FileNotFoundError:
        return
    if not n_pairs:
        names.part.write_bytes(b"")
        names.journal.unlink()


def _identity(source: PredictSource) -> list[Any]:
    try:
        stat = source.path.stat()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=source.path, fix="check the path") from error
    stamp: Any = [stat.st_size, stat.st_mtime_ns] if source.path.is_file() else None
    if source.path.is_dir():  # a saved data set
        stats = [(file.name, file.stat()) for file in sorted(source.path.iterdir()) if file.is_file()]
        stamp = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return [list(source.tasks), str(source.path.resolve()), stamp]


def check_id_column(reader: PairReader, kept: Sequence[str] | None) -> None:
    """Makes sure that no column ``id`` is lost beside the one that is to be the id.

    Args:
        reader: Has read a row.
        kept: The columns that are kept; None for all.

    Raises:
        InputError: One would be.
    """
    id_column = None if reader.columns is None else reader.columns.id
    if "id" in reader.found and id_column != "id" and (kept is None or "id" in kept):
        raise InputError(
            f"has a column 'id' beside '{id_column}', which is to be the id",
            where=reader.path,
            fix="keep other columns: --keep NAMES or none",
        )


def _check_ids(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if pair.id is None:
            raise InputError(
                "the row has no id, and a contest's table of several files cannot name it by its number",
                where=pair.source,
                line=pair.line,
                fix="give the rows ids, or leave --contest out",
            )


def _model_digest(matching: MatchingFile) -> str:
    """Tasks, thresholds, and what the model was trained on and how."""
    return hashlib.sha256(matching.model_dump_json().encode()).hexdigest()[:16]
