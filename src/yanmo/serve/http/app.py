"""The HTTP service put together: routes, gate, queue, metrics, page. See ``http_server`` for how it is run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version

from fastapi import FastAPI, Response, Security
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from ...match import Matcher
from .batcher import Batcher, BatchReport
from .errors import ErrorReply, RefusalError, install_error_handlers
from .gate import Gate
from .log import RequestLog
from .matching import json_reply, matching_routes
from .metrics import ServiceMetrics
from .page import page_files, page_routes
from .rerank import rerank_routes
from .scoring import PairScorer
from .settings import ServiceSettings

__all__ = ["HealthReply", "build_app"]

# Of the time limit, in the queue: better sent away at once with 429 than after all that time with 504.
_WAIT = 0.6

_ABOUT = """中文文本匹配：一个模型，多种匹配标准，各有校准后的概率与阈值。
One model, many standards of match, each with its calibrated probability and threshold.

- 错误一律为 `{"error": {"message", "fix"}}`。Every error has this shape.
- 队列满时返回 429 与 `Retry-After`。A full queue answers 429 with `Retry-After`.
- 不认识的字段会被拒绝，而不是忽略。Unknown fields are refused, not ignored.
"""


class HealthReply(BaseModel):
    """The service can score."""

    status: str
    model: str


def build_app(
    matcher: Matcher,
    *,
    model_name: str,
    log: RequestLog,
    settings: ServiceSettings | None = None,
    default_task: str | None = None,
    api_key: bytes | None = None,
) -> FastAPI:
    """Builds the service around a matcher.

    Args:
        matcher: The model.
        model_name: What it is called in answers.
        log: Where every request leaves a line.
        settings: The limits; None takes the default ones.
        default_task: The task that rankings use where they name none; None takes the model's first.
        api_key: The key that callers must send, if any.

    Returns:
        The application; its lifespan starts and ends the scoring thread.

    Raises:
        InputError: The model does not know the default task.
    """
    settings = settings or ServiceSettings()
    task_set = matcher.matching.task_set
    chosen = task_set.names[0] if default_task is None else task_set.task(default_task).name

    def saw_batch(report: BatchReport) -> None:
        metrics.saw_batch(report)

    batcher = Batcher(
        matcher.engine,
        max_batch_tokens=settings.max_batch_tokens,
        max_queue_tokens=settings.max_queue_tokens,
        max_wait=_WAIT * settings.timeout,
        on_batch=saw_batch,
    )
    metrics = ServiceMetrics(lambda: batcher.n_tokens)
    scorer = PairScorer(matcher, batcher, max_pairs=settings.max_pairs)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await asyncio.to_thread(batcher.close)
        scorer.close()

    locks = [Security(HTTPBearer(auto_error=False))] if api_key else []
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
    app.include_router(matching_routes(scorer, model_name=model_name), dependencies=locks)
    app.include_router(rerank_routes(scorer, model_name=model_name, default_task=chosen), dependencies=locks)

    @app.get(
        "/healthz",
        response_model=HealthReply,
        responses={503: {"model": ErrorReply, "description": "打分线程已停 / the scoring thread has stopped"}},
        tags=["operation"],
        summary="是否健康（不需要密钥） / whether it can score; needs no key",
    )
    async def healthz() -> Response:
        """能打分则为 ok。Says ok while it can score."""
        if not batcher.is_running:
            raise RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the scoring thread has stopped", fix="restart the service"
            )
        return json_reply(HealthReply(status="ok", model=model_name))

    @app.get(
        "/metrics",
        response_class=Response,
        dependencies=locks,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        tags=["operation"],
        summary="Prometheus 指标 / metrics",
    )
    async def prometheus() -> Response:
        """请求、文本对、token、队列、批次与耗时。Requests, pairs, tokens, queue, batches, times."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    files = page_files()
    pages = page_routes(files)
    app.router.routes.extend(pages)
    page_paths = {route.path for route in pages}
    api_paths = set(app.openapi()["paths"])
    app.add_middleware(
        Gate,
        settings=settings,
        api_key=api_key,
        routes=api_paths | page_paths | {"/openapi.json"},
        open_routes=page_paths | {"/healthz"},
        metrics=metrics,
        log=log,
    )
    return app
