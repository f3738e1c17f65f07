"""The HTTP service put together: routes, entrance, queue, metrics, page. See ``server`` for how it is run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.types import Lifespan

from ...match import Matcher
from .embeddings import embedding_routes
from .entrance import Entrance
from .errors import install_error_handlers
from .explaining import explaining_routes
from .labelling import LabelService, labelling_routes
from .log import RequestLog
from .matching import matching_routes
from .metrics import ServiceMetrics
from .operation import OPEN_ROUTES, operation_routes
from .page import page_files, page_routes
from .queue.batcher import Batcher
from .queue.embedding import TextEmbedder
from .queue.scoring import PairScorer
from .rerank import ranking_task, rerank_routes
from .search import SearchDesk, search_routes
from .settings import ServiceSettings

__all__ = ["build_app"]

# Of the time limit, in the queue; the rest is for reading, encoding and sending.
_WAIT = 0.9

_ABOUT = """中文文本匹配：一个模型，多种匹配标准，各有校准后的概率与阈值。
One model, many standards of match, each with its calibrated probability and threshold.

- 错误一律为 `{"error": {"message", "fix"}, "detail"}`。Every error has this shape.
- 等不到时限之内时返回 429 与 `Retry-After`。A queue too long answers 429 with `Retry-After`.
- 不认识的字段会被拒绝，而不是忽略；`null` 表示没有给。Unknown fields are refused, not ignored; null is not given.
"""


def build_app(
    matcher: Matcher,
    *,
    model_name: str,
    log: RequestLog,
    settings: ServiceSettings | None = None,
    default_task: str | None = None,
    api_key: bytes | None = None,
    labelling: LabelService | None = None,
    index: Path | None = None,
) -> FastAPI:
    """Builds the service around a matcher.

    Args:
        matcher: The model.
        model_name: What it is called in answers.
        log: Where every request leaves a line.
        settings: The limits; None takes the default ones.
        default_task: The task that rankings and vectors use where they name none; None takes the one that fits query
            and document.
        api_key: The key that callers must send, if any.
        labelling: A labelling to serve beside it, at ``/label.html``, if any.
        index: Folder of an index of the model, for ``/v1/search``; None serves no search.

    Returns:
        The application; its lifespan starts and ends the scoring thread.

    Raises:
        InputError: The model does not know the default task, or the index is of another model.
    """
    settings = settings or ServiceSettings()
    task_set = matcher.matching.task_set
    ranking = task_set.task(ranking_task(task_set) if default_task is None else default_task)
    metrics = ServiceMetrics()
    batcher = Batcher(
        matcher.engine,
        max_batch_tokens=settings.max_batch_tokens,
        max_queue_tokens=settings.max_queue_tokens,
        max_wait=_WAIT * settings.timeout,
        on_batch=metrics.saw_batch,
    )
    metrics.watch_queue(lambda: batcher.n_tokens)
    scorer = PairScorer(matcher, batcher, max_pairs=settings.max_pairs)
    embedder = TextEmbedder(matcher, batcher, scorer.encoding, default_task=ranking.name)
    desk = None if index is None else SearchDesk(matcher, index)
    app = _new_app(_lifespan(batcher, scorer, labelling, desk))
    locks = [Security(HTTPBearer(auto_error=False))] if api_key else []
    app.include_router(matching_routes(scorer, model_name=model_name), dependencies=locks)
    app.include_router(explaining_routes(scorer, model_name=model_name), dependencies=locks)
    if desk is not None:
        routes = search_routes(desk, model_name=model_name, max_pairs=settings.max_pairs)
        app.include_router(routes, dependencies=locks)
    app.include_router(
        rerank_routes(
            scorer, model_name=model_name, default_task=ranking.name, takes_any_model=settings.takes_any_model
        ),
        dependencies=locks,
    )
    app.include_router(
        embedding_routes(
            embedder,
            model_name=model_name,
            max_texts=settings.max_pairs,
            takes_any_model=settings.takes_any_model,
        ),
        dependencies=locks,
    )
    app.include_router(
        operation_routes(
            batcher,
            metrics,
            model_name=model_name,
            settings=settings,
            budget=ranking.budget,
            width=embedder.width,
            locks=locks,
        )
    )
    if labelling is not None:
        app.include_router(labelling_routes(labelling), dependencies=locks)
    pages = page_routes(page_files())
    app.router.routes.extend(pages)
    page_paths = {route.path for route in pages}
    app.add_middleware(
        Entrance,
        settings=settings,
        model_name=model_name,
        api_key=api_key,
        routes=set(app.openapi()["paths"]) | page_paths | {"/openapi.json"},
        open_routes={*page_paths, *OPEN_ROUTES},
        refuse_if_full=batcher.refuse_if_full,
        metrics=metrics,
        log=log,
    )
    return app


def _lifespan(
    batcher: Batcher, scorer: PairScorer, labelling: LabelService | None, desk: SearchDesk | None
) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await asyncio.to_thread(batcher.close)
        scorer.close()
        if labelling is not None:
            await asyncio.to_thread(labelling.close)
        if desk is not None:
            desk.close()

    return lifespan


def _new_app(lifespan: Lifespan[FastAPI]) -> FastAPI:
    app = FastAPI(
        title="Yanmo 研墨",
        description=_ABOUT,
        version=version("yanmo"),
        # The interactive pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    install_error_handlers(app)
    return app
