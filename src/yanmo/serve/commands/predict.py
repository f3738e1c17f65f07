"""The verb ``yanmo predict``."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...data import FileFormat, OnBadLine
from ...errors import InputError
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .interruptible import interruptible
from .task_names import task_names

if TYPE_CHECKING:
    from ...match import Matcher
    from ..bulk.pair_chunks import ChunkScorer

__all__ = ["predict"]


def predict(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    pairs: Annotated[Path, typer.Argument(help="一个文件，或含各任务目录的数据目录 / a file, or a data folder")],
    out: Annotated[Path, typer.Option("-o", "--out", help="输出文件，.csv 或 .jsonl / where the decisions go")],
    task: Annotated[
        list[str] | None, typer.Option(help="按哪个任务判断，可多次给出 / by which task's standard, repeatable")
    ] = None,
    split: Annotated[str, typer.Option(help="目录中要预测的部分 / which split of a folder")] = "test",
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="编号的列名 / column of the id")] = None,
    file_format: Annotated[FileFormat | None, typer.Option("--format", help="文件格式 / how rows stand")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
    restart: Annotated[bool, typer.Option("--restart", help="丢弃上次中断的结果 / begin anew")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="几个进程，每个一个线程 / so many processes, one thread each")
    ] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="用 Ray：本机，或 RAY_ADDRESS 指的集群 / by Ray, here or at RAY_ADDRESS")
    ] = False,
) -> None:
    """Decide every pair of a file or of a folder's split; the same call goes on after a kill.

    A name ending in .jsonl gives lines with id, task, label and probability; any other the contest's id,label table.
    In the table an id that a spreadsheet would compute, such as =1+1, stands after an apostrophe. The lines and their
    order are the same whatever the number of workers, which may differ from call to call.

    Example: yanmo predict runs/sohu pairs.jsonl --task ssB -o decisions.csv
    """
    from ...data import Columns, count_rows
    from ..bulk.pair_chunks import OutputFormat
    from ..bulk.predict import PredictSource, predict_files

    matcher = open_matcher(model)
    sources = [PredictSource(name, path) for name, path in _prediction_files(matcher, pairs, task or (), split).items()]
    output = OutputFormat.JSONL if out.suffix in (".jsonl", ".ndjson") else OutputFormat.CSV
    if output is OutputFormat.CSV and not pairs.is_dir() and len(sources) > 1:
        raise InputError("a table of id and label holds one standard", where=out, fix="name an output ending in .jsonl")
    total = None
    if all(source.path.is_file() for source in sources):  # rows of a pipe would be gone
        total = sum(count_rows(source.path, encoding=encoding, file_format=file_format) for source in sources)
    named = Columns(first, second, id=id_column) if first or second or id_column else None
    console = Console(stderr=True)
    with (
        interruptible("repeat the command, it goes on where it stopped"),
        RunProgress(console) as progress,
        _scorer(model, matcher, workers=workers, on_ray=on_ray) as scorer,
    ):
        del matcher  # workers have their own
        done = predict_files(
            scorer,
            sources,
            out,
            output=output,
            columns=named,
            file_format=file_format,
            encoding=encoding,
            on_bad_line=on_bad_line,
            restart=restart,
            on_progress=lambda n: progress.show("预测 predicting", n, total, unit="pairs"),
        )
    kept = f"（接着上次的 {done.n_before:,} 对）" if done.n_before else ""
    left_out = f"，略过坏行 {done.n_rejected:,}" if done.n_rejected else ""
    by_line = f"，没有编号、以行号为编号的 {done.n_without_id:,}" if done.n_without_id else ""
    blank = f"，两段都没有可读内容、记为不匹配的 {done.n_blank:,}" if done.n_blank else ""
    unknown = f"，含词表不认识的字的 {done.n_unknown:,}" if done.n_unknown else ""
    line = f"{done.n_pairs:,} 对已写入 {out}{kept}；本次判为匹配 {done.n_matches:,}{left_out}{by_line}{blank}{unknown}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _scorer(
    model: str, matcher: "Matcher", *, workers: int | None, on_ray: bool
) -> "AbstractContextManager[ChunkScorer]":
    """Says where pairs are judged: in this process, unless workers or Ray are asked for.

    Args:
        model: The matcher as it was named.
        matcher: The same, open in this process.
        workers: How many processes, or cores of Ray.
        on_ray: Whether by Ray.

    Returns:
        The place, as long as it is entered.

    Raises:
        InputError: Workers would each have to fetch the matcher from the hub.
    """
    if workers is None and not on_ray:
        from ..bulk.pair_chunks import ScorerHere

        return nullcontext(ScorerHere(matcher))
    if model != "default":
        if not Path(model).is_dir():
            raise InputError("workers open a matcher from a folder", where=model, fix="download it, name its folder")
        model = str(Path(model).resolve())
    if on_ray:
        from ..bulk.ray_scorer import RayScorer

        return RayScorer(model, matching=matcher.matching, identity=matcher.identity(), n_workers=workers)
    from ..bulk.worker_pool import WorkerPool

    return WorkerPool(
        model, matching=matcher.matching, identity=matcher.identity(), n_workers=1 if workers is None else workers
    )


def _prediction_files(matcher: "Matcher", pairs: Path, tasks: Sequence[str], split: str) -> dict[str, Path]:
    """Says which files are to be judged by which task.

    Args:
        matcher: Knows its tasks.
        pairs: A file, or a folder with the tasks' folders.
        tasks: The tasks named, if any.
        split: The split of a folder.

    Returns:
        The file of each task, by its name.

    Raises:
        InputError: A file is given without saying which task it is for.
    """
    task_set = matcher.matching.task_set
    if pairs.is_dir():
        from ...data import find_split

        return find_split(pairs, task_set.subset(task_names(task_set, tasks)), split)
    if not tasks and len(task_set.tasks) > 1:
        raise InputError(
            "the model knows several standards of match", where=pairs, fix=f"add --task {'|'.join(task_set.names)}"
        )
    return dict.fromkeys(task_names(task_set, tasks), pairs)
