"""The verbs ``yanmo link``, ``yanmo dedup``, ``yanmo index`` and ``yanmo search``."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ...errors import InputError
from ...match.named_matcher import open_matcher
from ...progress import RunProgress
from .interruptible import interruptible
from .one_task import the_standard

if TYPE_CHECKING:
    from ...collection.candidates import CandidateCount
    from ...collection.vector_folder import Encode

__all__ = ["dedup", "index", "link", "search"]

Model = Annotated[str, typer.Argument(help="模型目录或 default / a matcher's folder, or default")]
_ONE = "repeat the command for the other"
Task = Annotated[list[str] | None, typer.Option("--task", "--only", help="按哪个标准 / by which standard")]
Column = Annotated[str | None, typer.Option(help="文本的列名 / column of the text")]
IdColumn = Annotated[str | None, typer.Option("--id", help="编号的列名 / column of the id")]
Encoding = Annotated[str, typer.Option(help="文件编码，auto 为自动 / text encoding, such as gb18030")]
OnRay = Annotated[bool, typer.Option("--ray", help="用 Ray 编码：本机，或 RAY_ADDRESS 指的集群 / encode by Ray")]
Workers = Annotated[int | None, typer.Option(min=1, help="Ray 用几个核 / cores of Ray")]
Kept = Annotated[
    Path | None, typer.Option("--index", help="留下向量与分数的目录，下次只算新的 / keeps the work for next time")
]
Candidates = Annotated[
    int | None, typer.Option(min=1, help="每段文本的候选数；不给则由 --recall 定 / candidates of a text")
]
Apart = Annotated[
    str,
    typer.Option(
        help="哪些不同就不算匹配 / what must not differ: number,date,place,person,company,negation,opposite,order"
    ),
]
Overlap = Annotated[
    float,
    typer.Option(help="至少共有多大比例的相邻字对，找抄本用 / least share of character pairs in common, for copies"),
]
Recall = Annotated[float, typer.Option(help="候选里应有多大比例的匹配 / share of the matches the candidates hold")]


def link(
    model: Model,
    first: Annotated[Path, typer.Argument(help="第一个表 / the first list")],
    second: Annotated[Path, typer.Argument(help="第二个表 / the second list")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="输出，后缀定格式：csv、xlsx、parquet… / where the links go")
    ],
    task: Task = None,
    top: Annotated[int | None, typer.Option(min=1, help="每行给出最好的几个 / so many best of each row")] = None,
    assign: Annotated[bool, typer.Option("--assign", help="一对一 / no row twice")] = False,
    known: Annotated[
        Path | None, typer.Option(help="已知匹配（id_a,id_b 的表），用来量候选的召回 / known matches, to measure by")
    ] = None,
    candidates: Candidates = None,
    recall: Recall = 0.98,
    apart: Apart = "",
    overlap: Overlap = 0.0,
    index: Kept = None,
    column: Column = None,
    id_column: IdColumn = None,
    encoding: Encoding = "auto",
    on_ray: OnRay = False,
    workers: Workers = None,
) -> None:
    """Find for each text of one file its matches in another; the same call goes on after a kill.

    Example: yanmo link default orders.csv products.csv --task question --out links.csv
    """
    from ...collection.linking import link as link_texts
    from ...collection.texts import read_known

    matcher = open_matcher(model)
    name = the_standard(matcher.matching.task_set, task, fix=_ONE)
    console = Console(stderr=True)
    with (
        interruptible("repeat the command, it goes on where it stopped"),
        RunProgress(console) as progress,
        _encoding(model, name, on_ray=on_ray, workers=workers) as encode,
    ):
        found = link_texts(
            first,
            second,
            matcher=matcher,
            task=name,
            out=out,
            top=top,
            assign=assign,
            index=index,
            candidates=candidates,
            recall=recall,
            apart=apart,
            overlap=overlap,
            known=() if known is None else read_known(known, encoding=encoding),
            column=column,
            id_column=id_column,
            encoding=encoding,
            encode=encode,
            on_progress=lambda stage, n, of: progress.show(stage, n, of, unit="texts"),
        )
    _say_candidates(console, found.count)
    if found.labelled_recall is not None:
        _say(console, f"已知匹配中有 {found.labelled_recall:.1%} 在候选里 / known matches among the candidates")
    _say(console, f"{found.n_linked:,} 行有匹配，{len(found.links):,} 条已写入 {out}；判断了 {found.n_scored:,} 对")


def dedup(
    model: Model,
    file: Annotated[Path, typer.Argument(help="一个表 / a file of texts")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="输出，后缀定格式：csv、xlsx、parquet… / where the groups go")
    ],
    task: Task = None,
    keep: Annotated[str, typer.Option(help="留哪一行 / first, longest or newest:COLUMN")] = "first",
    candidates: Candidates = None,
    recall: Recall = 0.98,
    apart: Apart = "",
    overlap: Overlap = 0.0,
    index: Kept = None,
    column: Column = None,
    id_column: IdColumn = None,
    encoding: Encoding = "auto",
    on_ray: OnRay = False,
    workers: Workers = None,
) -> None:
    """Group the texts of a file that say the same under a standard; the same call goes on after a kill.

    Every row is written with its group, whether it stays, and why it was merged; pairs for a person to look at go to
    NAME.review.csv.

    Example: yanmo dedup default questions.csv --task question --out groups.csv
    """
    from ...collection.dedup import deduplicate

    matcher = open_matcher(model)
    name = the_standard(matcher.matching.task_set, task, fix=_ONE)
    console = Console(stderr=True)
    with (
        interruptible("repeat the command, it goes on where it stopped"),
        RunProgress(console) as progress,
        _encoding(model, name, on_ray=on_ray, workers=workers) as encode,
    ):
        found = deduplicate(
            file,
            matcher=matcher,
            task=name,
            out=out,
            keep=keep,
            index=index,
            candidates=candidates,
            recall=recall,
            apart=apart,
            overlap=overlap,
            column=column,
            id_column=id_column,
            encoding=encoding,
            encode=encode,
            on_progress=lambda stage, n, of: progress.show(stage, n, of, unit="texts"),
        )
    if found.count is not None:
        _say_candidates(console, found.count)
    _say(
        console,
        f"{len(found.rows):,} 行分为 {found.n_groups:,} 组，已写入 {out}；合并：完全相同 {found.n_identical:,}，"
        f"只差写法 {found.n_spelled:,}，判为匹配 {found.n_matched:,}；请人看的 {len(found.doubtful):,} 对另存；"
        f"本次编码 {found.n_encoded:,} 段、判断 {found.n_scored:,} 对",
    )


def index(
    model: Model,
    file: Annotated[Path | None, typer.Argument(help="要加入的表 / a file of texts to add")] = None,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="索引的目录，可以已有 / the index, new or not")],
    task: Task = None,
    remove: Annotated[list[str] | None, typer.Option(help="去掉这个编号的行，可多次给出 / take this id out")] = None,
    column: Column = None,
    id_column: IdColumn = None,
    encoding: Encoding = "auto",
    on_ray: OnRay = False,
    workers: Workers = None,
) -> None:
    """Make an index of texts under a standard, add rows to it, or take rows out; the same call goes on after a kill.

    Example: yanmo index default faq.csv --task question --out idx
    """
    from ...collection.text_index import TextIndex

    if file is None and not remove:
        raise InputError("there is nothing to add or to remove", fix="give a file, or --remove ID")
    matcher = open_matcher(model)
    console = Console(stderr=True)
    n_new, name = 0, the_standard(matcher.matching.task_set, task, fix=_ONE)
    with (
        interruptible("repeat the command, it goes on where it stopped"),
        RunProgress(console) as progress,
        _encoding(model, name, on_ray=on_ray, workers=workers) as encode,
        TextIndex.opened(out, matcher, task=name) as opened,
    ):
        if remove:
            opened.remove(remove)
        if file is not None:
            n_new = opened.add(
                file,
                column=column,
                id_column=id_column,
                encoding=encoding,
                encode=encode,
                on_progress=lambda n, of: progress.show("编码 encoding", n, of, unit="texts"),
            )
        n, digest = len(opened), opened.digest
    _say(console, f"加入 {n_new:,} 行，去掉 {len(remove or ()):,} 行，{out} 里现有 {n:,} 行；摘要 digest {digest[:16]}")


def search(
    model: Model,
    folder: Annotated[Path, typer.Argument(metavar="INDEX", help="索引的目录 / the index")],
    query: Annotated[str, typer.Argument(help="要找的话 / what to look for")],
    task: Task = None,
    top: Annotated[int, typer.Option(min=1, help="给出几条 / how many")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="每条一行 JSON / JSON lines")] = False,
) -> None:
    """Find the texts of an index that match a query, by the standard's own probability.

    Example: yanmo search default idx "怎么退款" --task question
    """
    import json
    from dataclasses import asdict

    from ...collection.text_index import search as search_index

    matcher = open_matcher(model)
    hits = search_index(
        folder, [query], matcher=matcher, task=the_standard(matcher.matching.task_set, task, fix=_ONE), top=top
    )[0]
    if as_json:
        for hit in hits:
            typer.echo(json.dumps(asdict(hit), ensure_ascii=False))
        return
    table = Table("", "概率", "编号 id", "文本 text")
    for hit in hits:
        shown = hit.text if len(hit.text) <= 200 else hit.text[:199] + "…"
        table.add_row("✓" if hit.is_match else "", f"{hit.probability:.3f}", hit.id, shown)
    Console().print(table, markup=False)


def _encoding(model: str, task: str, *, on_ray: bool, workers: int | None) -> "AbstractContextManager[Encode | None]":
    if not on_ray:
        if workers is not None:
            raise InputError("--workers counts cores of Ray", fix="add --ray, or leave it out")
        return nullcontext()
    from ...collection.ray_encoding import encoding_on_ray

    return encoding_on_ray(model, task=task, n_workers=workers)


def _say_candidates(console: Console, count: "CandidateCount") -> None:
    if count.recall is None:
        _say(console, f"每段文本取 {count.k} 个候选 / candidates of each text")
        return
    near = f"、{count.n_near:,} 段与各自最近的 500 段" if count.n_near else ""
    _say(
        console,
        f"每段文本取 {count.k} 个候选：抽 {count.n_sampled} 段与全部{near}逐一比较，其 {count.n_matches:,} 个匹配中 "
        f"{count.recall:.1%} 在候选里 / share of the matches that the candidates hold, by a sample",
    )
    if count.match_rate > 0.02:
        _say(
            console,
            f"注意：这个标准下 {count.match_rate:.0%} 的文本两两匹配，它把文本分成几类而不是找同一件事，"
            "候选装不下所有匹配 / it sorts texts into a few kinds: no number of candidates holds all matches",
        )


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
