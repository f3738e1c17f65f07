"""Vectors of texts, at the addresses of OpenAI's clients and of text-embeddings-inference's: /v1/embeddings, /embed.

Which vectors they are, ``TextEmbedder`` says: those by which the matcher compares texts under one of its standards,
before that standard's head. They are of length 1 unless a request wants them as they are.
"""

import asyncio
import base64
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from .embedding_schemas import (
    EMBEDDING_TASK,
    EmbeddingReply,
    EmbeddingsReply,
    EmbeddingsRequest,
    EmbeddingUsage,
    TeiEmbedReply,
    TeiEmbedRequest,
    texts_of,
)
from .entrance import exchange_of
from .errors import RefusalError, error_replies, other_model
from .matching import json_reply
from .queue.embedding import EmbeddedTexts, TextEmbedder, unit_vectors
from .request_model import counted_route, task_named

__all__ = ["embedding_routes"]


def embedding_routes(embedder: TextEmbedder, *, model_name: str, max_texts: int, takes_any_model: bool) -> APIRouter:
    """Makes the routes.

    Args:
        embedder: Texts to vectors; where the model has none, every request is refused with what to do.
        model_name: What the model is called.
        max_texts: Texts of one request, at most.
        takes_any_model: Whether a request may name another model than this; the answer's header says which it was.

    Returns:
        ``/v1/embeddings`` and ``/embed``.
    """
    router = APIRouter(tags=["embeddings"], route_class=counted_route(max_texts))
    task_query = Query(description=f"{EMBEDDING_TASK} ({embedder.default_task})")

    async def embed(
        request: Request, given: object, *, field: str, dimensions: int | None, task: str | None
    ) -> EmbeddedTexts:
        texts = texts_of(given, field=field)
        _refuse_other_width(dimensions, embedder.width)
        exchange = exchange_of(request)
        exchange.n_pairs = len(texts)
        found = await embedder.embed(texts, embedder.task_name(task), field=field)
        exchange.n_tokens = found.n_tokens
        return found

    @router.post(
        "/v1/embeddings",
        response_model=EmbeddingsReply,
        response_model_exclude_unset=True,
        responses=error_replies(),
        summary="文本向量（OpenAI 的格式） / vectors of texts, as OpenAI gives them",
    )
    async def embeddings(
        request: Request, asked: EmbeddingsRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """长度为 1，点积即余弦；不是概率。Of length 1, so that a dot product is a cosine; it is no probability."""
        if not takes_any_model and asked.model not in (None, model_name):
            raise other_model(model_name)
        found = await embed(
            request, asked.input, field="input", dimensions=asked.dimensions, task=task_named(task, asked.task)
        )
        # A thousand vectors take a moment to write.
        return await asyncio.to_thread(_openai_reply, found, encoding_format=asked.encoding_format, model=model_name)

    @router.post(
        "/embed",
        response_model=TeiEmbedReply,
        responses=error_replies(),
        summary="文本向量（text-embeddings-inference 的格式） / vectors, as text-embeddings-inference gives them",
    )
    async def embed_as_tei(
        request: Request, asked: TeiEmbedRequest, task: Annotated[str | None, task_query] = None
    ) -> Response:
        """每段文本一个向量，按请求的次序。A vector of each text, in the order of the request."""
        found = await embed(
            request, asked.inputs, field="inputs", dimensions=asked.dimensions, task=task_named(task, asked.task)
        )
        _refuse_cuts(asked, sum(map(bool, found.n_cut)))
        return await asyncio.to_thread(_tei_reply, found.vectors, is_unit=asked.normalize)

    return router


def _openai_reply(found: EmbeddedTexts, *, encoding_format: str, model: str) -> Response:
    vectors = unit_vectors(found.vectors)
    # Little-endian on every machine.
    written = (
        vectors.tolist()
        if encoding_format == "float"
        else [base64.b64encode(vector.tobytes()).decode("ascii") for vector in vectors.astype("<f4")]
    )
    data = []
    for index, (vector, n_cut) in enumerate(zip(written, found.n_cut, strict=True)):
        each = EmbeddingReply(object="embedding", index=index, embedding=vector)
        if n_cut:
            each.cut = n_cut
        data.append(each)
    usage = EmbeddingUsage(prompt_tokens=found.n_read, total_tokens=found.n_read)
    return json_reply(EmbeddingsReply(object="list", data=data, model=model, usage=usage))


def _tei_reply(vectors: NDArray[np.float32], *, is_unit: bool) -> Response:
    return json_reply(TeiEmbedReply((unit_vectors(vectors) if is_unit else vectors).tolist()))


def _refuse_other_width(dimensions: int | None, width: int | None) -> None:
    # A model without vectors is told of as such.
    if dimensions is not None and width is not None and dimensions != width:
        message = f"dimensions is {dimensions:,}, and the vectors of this model have {width:,} numbers"
        fix = f"leave dimensions out, or set it to {width}"
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, fix=fix)


def _refuse_cuts(asked: TeiEmbedRequest, n_cut: int) -> None:
    if not asked.truncate:
        wish = "truncate is false"
    elif asked.truncation_direction in ("Left", "left"):
        wish = "truncation_direction is Left"
    else:
        return
    if n_cut:
        raise RefusalError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{n_cut} of the texts are longer than the model reads, and {wish}",
            fix="shorten them, or leave that out to have them cut as the task says",
        )
