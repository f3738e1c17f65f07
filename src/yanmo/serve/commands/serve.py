"""The verb ``yanmo serve``."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...errors import InputError, require_extra
from .one_task import one_task

if TYPE_CHECKING:
    from ...match import Matcher
    from ..http.labelling import LabelService

__all__ = ["serve"]


def serve(
    model: Annotated[str, typer.Argument(help="模型目录、导出目录或 default / a run, an export, or default")],
    host: Annotated[
        str, typer.Option(help="监听地址；其他机器可达时须设 YANMO_API_KEY / where to listen")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口，0 为任意空闲端口 / 0 takes any free one", min=0, max=65535)] = 8000,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="排序与向量默认用哪个任务 / the task of rankings and vectors")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="打分用几个线程 / threads that score", min=1)] = None,
    device: Annotated[
        str | None, typer.Option(help="打分的设备，如 cuda；导出的模型只用 CPU / where torch computes, such as cuda")
    ] = None,
    max_batch_tokens: Annotated[int, typer.Option(help="一批的 token 数 / tokens of a batch", min=1)] = 4096,
    max_queue_tokens: Annotated[
        int, typer.Option(help="排队的 token 数，超过则 429 / tokens waiting, 429 beyond", min=1)
    ] = 1 << 18,
    max_body_mb: Annotated[float, typer.Option(help="请求体大小 / size of a request in MB", min=0.001)] = 8.0,
    max_pairs: Annotated[int, typer.Option(help="一次请求的对数 / pairs of a request", min=1)] = 1000,
    timeout: Annotated[float, typer.Option(help="一次请求的时限，秒 / seconds for a request", min=0.001)] = 30.0,
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            help="没有密钥时，除 localhost 与地址外还接受的 Host / a name it is also called by, without a key"
        ),
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="yanmo index 建的索引，供 /v1/search / an index to search")
    ] = None,
    strict_model: Annotated[
        bool, typer.Option("--strict-model", help="拒绝指名其他模型的请求 / refuse requests that name another model")
    ] = False,
    label: Annotated[
        Path | None, typer.Option(help="标注这个文件里的文本对，页面在 /label.html / a pool of pairs to label")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="标注写到哪个 CSV / the table of answers, with --label")
    ] = None,
) -> None:
    """Serve a matcher over HTTP: scores, decisions, rankings, vectors, a web page, metrics; SIGTERM ends it gracefully.

    Callers send the key in YANMO_API_KEY, if it is set, as "Authorization: Bearer KEY". One JSON line a request goes to
    standard output.

    With --label it serves a page for labelling as well, one key an answer; --task then names the standard, which may be
    a new one, and --out the table that answers go to. See yanmo label.

    Example: yanmo serve default --port 8000
    """
    if (label is None) != (out is None):
        raise InputError("--label and --out go together", fix="give a pool to label and a table for the answers")
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        require_extra(package, extra="serve")
    task = one_task(tasks, fix="name the one for rankings; a request may name another in its address: ?task=NAME")
    from ...match.named_matcher import open_matcher
    from ..http.app import build_app
    from ..http.log import RequestLog
    from ..http.server import address_of, bind, run_service, url_of
    from ..http.settings import check_settings, read_api_key, refuse_open_door
    from ..http.warm_up import warm_up

    api_key = read_api_key(os.environ)
    settings = check_settings(
        max_batch_tokens=max_batch_tokens,
        max_queue_tokens=max_queue_tokens,
        # What is no number of bytes is refused by its name there.
        max_body_bytes=int(max_body_mb * 1e6) if math.isfinite(max_body_mb) else max_body_mb,
        max_pairs=max_pairs,
        timeout=timeout,
        # A page of another site does not know the key.
        host_names=None if api_key else frozenset(name.lower() for name in host_name or ()),
        takes_any_model=not strict_model,
    )
    with ExitStack() as stack, bind(host, port) as bound:
        refuse_open_door(address_of(bound)[0], api_key)
        matcher = open_matcher(model, n_threads=threads, device=device)
        warm_up(matcher, name=model)
        labelling = None
        if label is not None and out is not None:
            labelling = stack.enter_context(_labelling(matcher, label, out, task=task))
            task = task if task in matcher.matching.task_set.names else None
        log = RequestLog(sys.stdout)
        # A path says more about this machine than callers need to know.
        name = Path(model).resolve().name
        app = build_app(
            matcher,
            model_name=name,
            log=log,
            settings=settings,
            default_task=task,
            api_key=api_key,
            labelling=labelling,
            index=index,
        )

        def on_listening() -> None:
            log.write(event="listening", url=url_of(bound), model=name)
            page = "" if labelling is None else f"，标注在 {url_of(bound)}/label.html"
            line = f"研墨 {name} 已在 {url_of(bound)} 提供服务{page}，Ctrl-C 停止"
            Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)

        run_service(app, bound, timeout=timeout, on_listening=on_listening)
        log.write(event="stopped")


@contextmanager
def _labelling(matcher: "Matcher", pool: Path, out: Path, *, task: str | None) -> Iterator["LabelService"]:
    """Opens a labelling for as long as the service runs."""
    from ...standard.label.answers import Answers
    from ...standard.label.session import Labelling
    from ...standard.learn_file import read_unlabelled
    from ..http.labelling import LabelService

    if task is None:
        raise InputError("--label needs the standard to label for", fix="name it with --task; it may be a new one")
    asks = matcher.matching.task_set.task(task).asks if task in matcher.matching.task_set.names else ""
    with Answers(out) as answers:
        yield LabelService(Labelling.of(matcher, read_unlabelled(pool), answers, task=task), asks=asks)
