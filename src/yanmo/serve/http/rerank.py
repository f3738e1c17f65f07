"""Ranking of texts by a query, at the addresses and in the shapes that existing clients speak.

All score the pairs (query, text) under one task. ``/rerank`` and ``/v1/rerank`` take either shape and tell it by its
keys, for clients disagree which of them stands where; ``/v2/rerank`` is Cohere's, and ``/infinity/rerank`` that of
Infinity, whose requests cannot be told from vLLM's and whose documents come back as bare texts.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from ...data import TaskSet
from .entrance import exchange_of
from .errors import RefusalError, error_replies, other_model
from .matching import json_reply
from .queue.scoring import PairScorer
from .request_model import counted_route, task_named
from .rerank_schemas import (
    TASK_MEANING,
    CohereReply,
    InfinityReply,
    InfinityResult,
    InfinityUsage,
    JinaDocument,
    JinaReply,
    JinaRequest,
    JinaResult,
    RankRequest,
    TeiReply,
    TeiRequest,
    TeiResult,
    Usage,
)

__all__ = ["ranking_task", "rerank_routes"]

_Asked = TeiRequest | JinaRequest


def ranking_task(task_set: TaskSet) -> str:
    """Gives the task that fits a short query and a longer document best.

    Args:
        task_set: The tasks there are.

    Returns:
        The first of those that tell a query from a document (not symmetric), or else whose budget leans most to the
        second text; of equal ones, that which reads most of it.

    Example:
        >>> ranking_task(TaskSet.load("sohu")), ranking_task(TaskSet.load("standards"))
        ('slA', 'search')
    """

    def fit(name: str) -> tuple[bool, float, int]:
        task = task_set.task(name)
        return not task.symmetric, task.budget.right / task.budget.left, task.budget.right

    return max(task_set.names, key=fit)


@dataclass(frozen=True)
class _Ranking:
    """Texts by how well they match a query.

    Attributes:
        texts: The texts, in the order of the request.
        order: Their numbers, best first, as many as were asked for.
        scores: Of each text, float32[n].
        cuts: Tokens of the query and of each text that the model did not read.
        n_tokens: Tokens scored.
    """

    texts: Sequence[str]
    order: list[int]
    scores: NDArray[np.float32]
    cuts: list[tuple[int, int]]
    n_tokens: int


def rerank_routes(scorer: PairScorer, *, model_name: str, default_task: str, takes_any_model: bool) -> APIRouter:
    """Makes the routes.

    Args:
        scorer: Texts to logits.
        model_name: What the model is called.
        default_task: The task to rank by where a request names none.
        takes_any_model: Whether a request may name another model than this; the answer's header says which it was.

    Returns:
        ``/rerank``, ``/v1/rerank``, ``/v2/rerank`` and ``/infinity/rerank``.
    """
    router = APIRouter(tags=["rerank"], route_class=counted_route(scorer.max_pairs))
    task_query = Query(description=f"{TASK_MEANING} ({default_task})")

    async def rank(request: Request, asked: _Asked, *, task: str | None) -> _Ranking:
        if not takes_any_model and asked.model not in (None, model_name):
            raise other_model(model_name)
        named = task_named(task, asked.task)
        names = scorer.task_names([default_task if named is None else named])
        texts = asked.texts if isinstance(asked, TeiRequest) else asked.texts()
        exchange = exchange_of(request)
        exchange.n_pairs = len(texts)
        scored = await scorer.score([(asked.query, text) for text in texts], names)
        exchange.n_tokens = scored.n_tokens
        cuts = [reading.n_cut for (reading,) in scored.readings]
        _refuse_cuts(asked, sum(map(any, cuts)))
        logits = scored.logits[:, 0]
        scores = logits if asked.raw_scores else scored.verdicts[0].probabilities
        # Where probabilities are rounded to the same number logits may still differ; of equal candidates the earlier
        # stays first.
        order = np.lexsort((-logits, -scores)).tolist()[: asked.top_n]
        return _Ranking(texts, order, scores, cuts, scored.n_tokens)

    async def rank_either(request: Request, asked: _Asked, *, task: str | None) -> Response:
        ranking = await rank(request, asked, task=task)
        if isinstance(asked, TeiRequest):
            return json_reply(TeiReply(_tei_results(ranking, with_texts=asked.return_text)))
        results = _jina_results(ranking, with_texts=asked.return_documents is not False)
        return json_reply(JinaReply(model=model_name, results=results, usage=Usage(total_tokens=ranking.n_tokens)))

    @router.post(
        "/rerank",
        response_model=TeiReply | JinaReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（text-embeddings-inference、vLLM 的地址） / rank, where text-embeddings-inference and vLLM do",
    )
    async def rerank(request: Request, asked: RankRequest, task: Annotated[str | None, task_query] = None) -> Response:
        """按与查询的匹配程度排序；答以请求的格式。Candidates by how well they match, in the shape of the request."""
        return await rank_either(request, asked, task=task)

    @router.post(
        "/v1/rerank",
        response_model=TeiReply | JinaReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（Jina、Xinference 的地址） / rank, where Jina and Xinference do",
    )
    async def rerank_documents(
        request: Request, asked: RankRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """按与查询的匹配程度排序；答以请求的格式。Candidates by how well they match, in the shape of the request."""
        return await rank_either(request, asked, task=task)

    @router.post(
        "/v2/rerank",
        response_model=CohereReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（Cohere 第二版的格式） / rank, as Cohere's second version does",
    )
    async def rerank_as_cohere(
        request: Request, asked: JinaRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """按与查询的匹配程度排序。Candidates by how well they match the query, best first."""
        ranking = await rank(request, asked, task=task)
        results = _jina_results(ranking, with_texts=asked.return_documents is True)
        meta: dict[str, dict[str, str | int]] = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        return json_reply(CohereReply(id=str(uuid.uuid4()), results=results, meta=meta))

    @router.post(
        "/infinity/rerank",
        response_model=InfinityReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="排序（Infinity 的格式） / rank, as Infinity does",
    )
    async def rerank_as_infinity(
        request: Request, asked: JinaRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """按与查询的匹配程度排序；客户端的地址写到 /infinity。Best first; clients are given .../infinity."""
        ranking = await rank(request, asked, task=task)
        return json_reply(
            InfinityReply(
                object="rerank",
                results=_infinity_results(ranking, with_texts=asked.return_documents is True),
                model=model_name,
                usage=InfinityUsage(prompt_tokens=ranking.n_tokens, total_tokens=ranking.n_tokens),
                id=str(uuid.uuid4()),
                created=int(time.time()),
            )
        )

    return router


def _tei_results(ranking: _Ranking, *, with_texts: bool) -> list[TeiResult]:
    results = []
    for i in ranking.order:
        result = TeiResult(index=i, score=float(ranking.scores[i]))
        if with_texts:
            result.text = ranking.texts[i]
        if any(ranking.cuts[i]):
            result.cut = ranking.cuts[i]
        results.append(result)
    return results


def _jina_results(ranking: _Ranking, *, with_texts: bool) -> list[JinaResult]:
    results = []
    for i in ranking.order:
        result = JinaResult(index=i, relevance_score=float(ranking.scores[i]))
        if with_texts:
            result.document = JinaDocument(text=ranking.texts[i])
        if any(ranking.cuts[i]):
            result.cut = ranking.cuts[i]
        results.append(result)
    return results


def _infinity_results(ranking: _Ranking, *, with_texts: bool) -> list[InfinityResult]:
    results = []
    for i in ranking.order:
        result = InfinityResult(index=i, relevance_score=float(ranking.scores[i]))
        if with_texts:
            result.document = ranking.texts[i]
        if any(ranking.cuts[i]):
            result.cut = ranking.cuts[i]
        results.append(result)
    return results


def _refuse_cuts(asked: _Asked, n_cut: int) -> None:
    if isinstance(asked, JinaRequest):
        wish = None if asked.truncation else "truncation is false"
    elif not asked.truncate:
        wish = "truncate is false"
    else:
        wish = "truncation_direction is Left" if asked.truncation_direction in ("Left", "left") else None
    if n_cut and wish is not None:
        raise RefusalError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{n_cut} of the texts, with the query, are longer than the budget of the task, and {wish}",
            fix="shorten them, or leave that out to have them cut as the task says",
        )
