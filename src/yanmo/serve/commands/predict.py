"""The verb ``yanmo predict``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...data import FileFormat, OnBadLine
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .interruptible import interruptible

__all__ = ["predict"]

# Standards whose matches are counted in the line that ends a prediction.
_MOST_NAMED = 8


def predict(
    model: Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")],
    pairs: Annotated[Path, typer.Argument(help="一个文件，或含各任务目录的数据目录 / a file, or a data folder")],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="输出，.csv .tsv .jsonl .xlsx .parquet / where the decisions go, by its suffix"
        ),
    ],
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "--only", help="按哪些标准判断，逗号分隔、多次给出或 all / by which standards"),
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="保留输入的哪些列：all、none 或列名 / columns kept: all, none, or NAMES")
    ] = None,
    contest: Annotated[
        bool, typer.Option("--contest", help="写竞赛要的 id,label 表 / the contest's table, one standard a file")
    ] = False,
    ask: Annotated[
        float | None, typer.Option(help="最没有把握的这个比例写作 ?，交给人 / share of pairs to leave to a person")
    ] = None,
    split: Annotated[str, typer.Option(help="目录中要预测的部分 / which split of a folder")] = "test",
    first: Annotated[str | None, typer.Option(help="文本一的列名 / column of the first text")] = None,
    second: Annotated[str | None, typer.Option(help="文本二的列名 / column of the second text")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="编号的列名 / column of the id")] = None,
    file_format: Annotated[FileFormat | None, typer.Option("--format", help="文件格式 / how rows stand")] = None,
    encoding: Annotated[str, typer.Option(help="文件编码，auto 为自动 / text encoding, such as gb18030")] = "auto",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
    restart: Annotated[bool, typer.Option("--restart", help="丢弃上次中断的结果 / begin anew")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="几个进程，每个一个线程 / so many processes, one thread each")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="打分的设备，如 cuda；导出的模型只用 CPU / where torch computes, such as cuda")
    ] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="用 Ray：本机，或 RAY_ADDRESS 指的集群 / by Ray, here or at RAY_ADDRESS")
    ] = False,
) -> None:
    """Decide every pair of a file or of a folder's split by one standard or many; the same call goes on after a kill.

    One row a pair, in the input's order: the columns kept, id, and of each standard T the columns T (1 or 0) and
    T_probability. Of a pipe into a table no column is kept unless it is named. In .csv and .tsv a text that a
    spreadsheet would compute, such as =1+1, stands after an apostrophe. The rows are the same whatever the number of
    workers, which may differ from call to call.

    Example: yanmo predict runs/sohu pairs.xlsx --task ssA,ssB -o decisions.xlsx
    """
    from ...bulk.chosen_scorer import choose_scorer
    from ...bulk.predict import predict_files
    from ...bulk.request import prediction_sources, read_keep
    from ...data import Columns, FileRows
    from ...data.output_format import OutputFormat

    output = OutputFormat.of(out)
    matcher = open_matcher(model, device=device)
    sources = prediction_sources(matcher.matching.task_set, pairs, tasks=task, split=split)
    counts = [FileRows(source.path, file_format=file_format, encoding=encoding).count() for source in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    if keep is None and None in counts and output is not OutputFormat.JSONL:
        keep = "none"  # a pipe cannot be looked through for its columns
    named = Columns(first, second, id=id_column) if first or second or id_column else None
    asking = None
    if ask is not None:
        from ...bulk.asking_rules import asking_rules
        from ...bulk.request import ReadingRules

        asking = asking_rules(matcher, sources, share=ask, rules=ReadingRules(named, file_format, encoding))
    console = Console(stderr=True)
    with (
        interruptible("repeat the command, it goes on where it stopped"),
        RunProgress(console) as progress,
        choose_scorer(matcher, model, n_workers=workers, on_ray=on_ray, device=device) as scorer,
    ):
        del matcher  # workers have their own
        done = predict_files(
            scorer,
            sources,
            out,
            output=output,
            keep=read_keep(keep or "all"),
            contest=contest,
            columns=named,
            file_format=file_format,
            encoding=encoding,
            on_bad_line=on_bad_line,
            restart=restart,
            asking=asking,
            on_progress=lambda n: progress.show("预测 predicting", n, total, unit="pairs"),
        )
    before = f"（接着上次的 {done.n_before:,} 对）" if done.n_before else ""
    left_out = f"，略过坏行 {done.n_rejected:,}" if done.n_rejected else ""
    by_row = f"，没有编号、以行号为编号的 {done.n_without_id:,}" if done.n_without_id else ""
    blank = f"，两段都没有可读内容、记为不匹配的 {done.n_blank:,}" if done.n_blank else ""
    apart = "、".join(f"{name} {n:,}" for name, n in list(done.n_apart.items())[:_MOST_NAMED] if n)
    apart = f"，只差一处细节、记为不匹配的 {apart}" if apart else ""
    unknown = f"，含词表不认识的字的 {done.n_unknown:,}" if done.n_unknown else ""
    names = list(done.matches)
    matched = "，".join(f"{name} {done.matches[name]:,}" for name in names[:_MOST_NAMED])
    matched += f" 等 {len(names)} 个标准" if len(names) > _MOST_NAMED else ""
    asked = "、".join(f"{name} {n:,}" for name, n in list(done.asked.items())[:_MOST_NAMED] if n)
    matched = f"{matched or 0}，交给人 {asked}" if asked else matched
    rest = f"{left_out}{by_row}{blank}{apart}{unknown}"
    line = f"{done.n_pairs:,} 对已写入 {out}{before}；本次判为匹配 {matched or 0}{rest}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
