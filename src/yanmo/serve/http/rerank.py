"""Ranking of texts by a query, in the two shapes that existing clients speak.

``/rerank`` is that of text-embeddings-inference, ``/v1/rerank`` that of Jina and Cohere. Both score the pairs
(query, text) under one task. What such a client may ask for and this service cannot do is an error, never ignored.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, RootModel

from .errors import RefusalError, error_replies
from .gate import exchange_of
from .matching import json_reply, probabilities_of
from .schemas import Text
from .scoring import PairScorer, ScoredPairs

__all__ = [
    "JinaReply",
    "JinaRequest",
    "JinaResult",
    "TeiReply",
    "TeiRequest",
    "TeiResult",
    "rerank_routes",
]

_TASK = "按哪个任务排序，省略则用服务的默认任务 / which task to rank by; the service's own if left out"


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TeiRequest(_Request):
    """A request as text-embeddings-inference takes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "巴萨获胜", "texts": ["巴塞罗那赢球", "今天有雨"]}]}
    )

    query: Text = Field(description="查询，作为文本一 / the query, as the first text")
    texts: list[Text] = Field(min_length=1, description="候选，作为文本二 / the candidates, as the second text")
    raw_scores: bool = Field(default=False, description="返回未校准的 logit / give logits, not probabilities")
    return_text: bool = Field(default=False, description="结果里带上文本 / give the texts back")
    truncate: bool | None = Field(
        default=None,
        description="false 表示任何文本超出任务的长度预算就拒绝；否则按预算截断 / "
        "false: refuse if any text is longer than the task's budget; else it is cut as the task says",
    )
    task: str | None = Field(default=None, description=_TASK)


class TeiResult(BaseModel):
    """One candidate."""

    index: int = Field(description="候选的序号，从 0 起 / number of the candidate, from 0")
    score: float
    text: str | None = Field(default=None, description="只在要求时 / only if asked for")


class TeiReply(RootModel[list[TeiResult]]):
    """All candidates, the best first."""


class JinaDocument(_Request):
    """A document as an object."""

    text: Text


class JinaRequest(_Request):
    """A request as Jina's and Cohere's clients send it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "巴萨获胜", "documents": ["巴塞罗那赢球", "今天有雨"], "top_n": 1}]}
    )

    model: str | None = Field(default=None, description="须为本服务的模型名 / must be the name of the model served")
    query: Text = Field(description="查询，作为文本一 / the query, as the first text")
    documents: list[Text | JinaDocument] = Field(
        min_length=1, description="候选，作为文本二 / the candidates, as the second text"
    )
    top_n: int | None = Field(default=None, ge=1, description="只要前几个 / how many to give; all if left out")
    return_documents: bool = Field(default=True, description="结果里带上文本 / give the documents back")
    task: str | None = Field(default=None, description=_TASK)


class JinaResult(BaseModel):
    """One candidate."""

    index: int = Field(description="候选的序号，从 0 起 / number of the candidate, from 0")
    relevance_score: float = Field(description="校准后的匹配概率 / calibrated probability of a match")
    document: JinaDocument | None = Field(default=None, description="只在要求时 / only if asked for")


class Usage(BaseModel):
    """What the request cost."""

    total_tokens: int = Field(description="打分的 token 数，每对都计入查询 / tokens scored; every pair has the query")


class JinaReply(BaseModel):
    """The best candidates, best first."""

    model: str
    results: list[JinaResult]
    usage: Usage


def rerank_routes(scorer: PairScorer, *, model_name: str, default_task: str) -> APIRouter:
    """Makes the routes.

    Args:
        scorer: Texts to logits.
        model_name: What the model is called.
        default_task: The task to rank by where a request names none.

    Returns:
        ``/rerank`` and ``/v1/rerank``.
    """
    router = APIRouter(tags=["rerank"])
    task_query = Query(description=f"{_TASK} ({default_task})")

    async def rank(
        request: Request, query: str, texts: Sequence[str], *, named: Sequence[str | None]
    ) -> tuple[ScoredPairs, list[int]]:
        names = {name for name in named if name is not None} or {default_task}
        if len(names) > 1:
            message = "the address and the body name different tasks"
            raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, fix="name the task in one place")
        exchange = exchange_of(request)
        exchange.n_pairs = len(texts)
        scored = await scorer.score([(query, text) for text in texts], scorer.task_names(sorted(names)))
        exchange.n_tokens = scored.n_tokens
        # Of equal candidates the earlier stays first; calibration never changes the order of two logits.
        return scored, np.argsort(-scored.logits[:, 0], kind="stable").tolist()

    @router.post(
        "/rerank",
        response_model=TeiReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（text-embeddings-inference 的格式） / rank, as text-embeddings-inference does",
    )
    async def rerank(request: Request, asked: TeiRequest, task: Annotated[str | None, task_query] = None) -> Response:
        """按与查询的匹配程度排序。Candidates by how well they match the query, best first."""
        scored, order = await rank(request, asked.query, asked.texts, named=(task, asked.task))
        if asked.truncate is False:
            _refuse_cuts(scored)
        scores = scored.logits if asked.raw_scores else probabilities_of(scorer.matcher, scored)
        results = []
        for i in order:
            fields = {"text": asked.texts[i]} if asked.return_text else {}
            results.append(TeiResult(index=i, score=float(scores[i, 0]), **fields))
        return json_reply(TeiReply(results))

    @router.post(
        "/v1/rerank",
        response_model=JinaReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（Jina、Cohere 的格式） / rank, as Jina and Cohere do",
    )
    async def rerank_documents(
        request: Request, asked: JinaRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """按与查询的匹配程度排序。Candidates by how well they match the query, best first."""
        if asked.model is not None and asked.model != model_name:
            message = f"the model served here is '{model_name}'"
            raise RefusalError(HTTPStatus.NOT_FOUND, message, fix=f"set model to {model_name}, or leave it out")
        texts = [document if isinstance(document, str) else document.text for document in asked.documents]
        scored, order = await rank(request, asked.query, texts, named=(task, asked.task))
        probabilities = probabilities_of(scorer.matcher, scored)
        results = []
        for i in order[: asked.top_n]:
            fields = {"document": JinaDocument(text=texts[i])} if asked.return_documents else {}
            results.append(JinaResult(index=i, relevance_score=float(probabilities[i, 0]), **fields))
        return json_reply(JinaReply(model=model_name, results=results, usage=Usage(total_tokens=scored.n_tokens)))

    return router


def _refuse_cuts(scored: ScoredPairs) -> None:
    n_cut = sum(any(reading.n_cut) for row in scored.readings for reading in row)
    if n_cut:
        raise RefusalError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{n_cut} of the texts, with the query, are longer than the budget of the task, and truncate is false",
            fix="shorten them, or leave truncate out to have them cut",
        )
