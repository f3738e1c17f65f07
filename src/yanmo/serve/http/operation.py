"""What is asked of a service by those who run it and by clients that look before they rank: health, model, metrics."""

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.params import Depends
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from ...data import Budget
from .errors import ErrorReply, RefusalError, other_model
from .matching import json_reply
from .metrics import ServiceMetrics
from .queue.batcher import Batcher
from .settings import ServiceSettings

__all__ = ["OPEN_ROUTES", "operation_routes"]

_HEALTH = ("/healthz", "/health")
_AUTH = "/v1/cluster/auth"
OPEN_ROUTES = (*_HEALTH, _AUTH)
"""Addresses that need no key."""


class HealthReply(BaseModel):
    """The service can score."""

    status: str
    model: str


class ModelReply(BaseModel):
    """A model as OpenAI's clients list it, and as Xinference's look for it before they rank."""

    id: str
    object: str
    created: int
    owned_by: str
    model_type: str
    dimensions: int | None = Field(
        default=None,
        description="/v1/embeddings 的向量宽度，没有则不写 / width of its vectors; absent where it has none",
    )


class AuthReply(BaseModel):
    """Whether a key is needed, which Xinference's clients ask before they send theirs."""

    auth: bool


class ModelsReply(BaseModel):
    """The models there are: one."""

    object: str
    data: list[ModelReply]


class RerankerReply(BaseModel):
    """The labels of a reranker, as text-embeddings-inference names them."""

    id2label: dict[str, str]
    label2id: dict[str, int]


class InfoReply(BaseModel):
    """What text-embeddings-inference tells of itself, as far as clients read it.

    One kind of model, as there; that this one also gives vectors stands in ``/v1/models``.
    """

    model_id: str
    model_type: dict[str, RerankerReply]
    max_input_length: int
    max_batch_tokens: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str


def operation_routes(
    batcher: Batcher,
    metrics: ServiceMetrics,
    *,
    model_name: str,
    settings: ServiceSettings,
    budget: Budget,
    width: int | None,
    locks: Sequence[Depends],
) -> APIRouter:
    """Makes the routes.

    Args:
        batcher: Says whether it can score.
        metrics: What has been counted.
        model_name: What the model is called.
        settings: The limits.
        budget: That of the task which rankings use.
        width: Numbers of a text's vector; None where the model has no vectors.
        locks: What all but the health asks of a caller.

    Returns:
        ``/healthz``, ``/health``, ``/v1/cluster/auth``, ``/info``, ``/v1/models`` and each of them, ``/metrics``.
    """
    router = APIRouter(tags=["operation"])
    model_here = ModelReply(id=model_name, object="model", created=0, owned_by="yanmo", model_type="rerank")
    if width is not None:
        model_here.dimensions = width

    async def health() -> Response:
        """能打分则为 ok。Says ok while it can score."""
        if not batcher.is_running:
            raise RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE, "the scoring thread has stopped", fix="restart the service"
            )
        return json_reply(HealthReply(status="ok", model=model_name))

    for path in _HEALTH:
        router.add_api_route(
            path,
            health,
            name=path.strip("/"),
            response_model=HealthReply,
            responses={503: {"model": ErrorReply, "description": "打分线程已停 / the scoring thread has stopped"}},
            summary="是否健康（不需要密钥） / whether it can score; needs no key",
        )

    @router.get(
        "/info",
        response_model=InfoReply,
        dependencies=locks,
        summary="模型与限制（text-embeddings-inference 的格式） / model and limits, as text-embeddings-inference tells",
    )
    async def info() -> Response:
        """一对文本共多少 token、一次多少对。Tokens of a pair, and pairs of a request."""
        return json_reply(
            InfoReply(
                model_id=model_name,
                model_type={"reranker": RerankerReply(id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})},
                max_input_length=budget.left + budget.right,
                max_batch_tokens=settings.max_batch_tokens,
                max_client_batch_size=settings.max_pairs,
                auto_truncate=True,
                version=version("yanmo"),
            )
        )

    @router.get(
        "/v1/models",
        response_model=ModelsReply,
        dependencies=locks,
        summary="有哪些模型（OpenAI 的格式） / the models, as OpenAI lists them",
    )
    async def models() -> Response:
        """一个服务只有一个模型。A service has one model."""
        return json_reply(ModelsReply(object="list", data=[model_here]))

    @router.get(
        "/v1/models/{name:path}",
        response_model=ModelReply,
        dependencies=locks,
        responses={404: {"model": ErrorReply, "description": "没有这个模型 / no such model"}},
        summary="模型（OpenAI、Xinference 的格式） / the model, as OpenAI and Xinference describe one",
    )
    async def model(name: str) -> Response:
        """无论叫什么，答的都是这一个模型。Whatever it is called, the one model there is."""
        if not settings.takes_any_model and name != model_name:
            raise other_model(model_name)
        return json_reply(model_here)

    @router.get(
        _AUTH,
        response_model=AuthReply,
        summary="是否需要密钥（Xinference 的格式） / whether a key is needed, as Xinference tells",
    )
    async def auth() -> Response:
        """Xinference 的客户端先问这里，再决定是否发送密钥。Its clients ask here before they send a key."""
        return json_reply(AuthReply(auth=bool(locks)))

    @router.get(
        "/metrics",
        response_class=Response,
        dependencies=locks,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        summary="Prometheus 指标 / metrics",
    )
    async def prometheus() -> Response:
        """请求、文本对、token、队列、批次与耗时。Requests, pairs, tokens, queue, batches, times."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
