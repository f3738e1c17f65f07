"""The route ``/v1/explain``: the words that one answer hangs on, and what differs by rule."""

import asyncio

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from ...standard.explain import N_SCORES, SHARE, Explanation, explanation_of
from ...standard.explain_removal import Texts
from ...standard.explain_search import Answer, FlipSearch
from .entrance import exchange_of
from .errors import error_replies
from .matching import json_reply
from .queue.scoring import PairScorer
from .request_model import RequestModel, Text

__all__ = ["explaining_routes"]


class ExplainRequest(RequestModel):
    """A pair, and the standard whose answer is to be explained."""

    text0: Text = Field(description="文本一 / the first text", examples=["感冒了吃什么药好"])
    text1: Text = Field(description="文本二 / the second text", examples=["发烧了吃什么药好"])
    task: str = Field(description="任务名 / name of the task", examples=["ssA"])


class PartReply(BaseModel):
    """A run of characters of one of the texts."""

    side: int = Field(description="0 为文本一，1 为文本二 / 0 for the first text, 1 for the second")
    start: int = Field(description="首字的位置，按 Unicode 码点数 / index of its first character, in code points")
    end: int = Field(description="末字之后的位置 / index behind its last one")
    text: str = Field(description="这些字 / the characters")


class DifferenceReply(BaseModel):
    """A number, date or name in which the texts differ."""

    kind: str = Field(description="number, date, place, person, company")
    title: str = Field(description="显示名 / what people are shown")
    text0: str = Field(description="文本一里的，没有则为空 / in the first text, or empty")
    text1: str = Field(description="文本二里的，没有则为空 / in the second text, or empty")


class ExplainReply(BaseModel):
    """Why a pair was judged as it was."""

    model: str
    task: str
    probability: float
    threshold: float
    match: bool
    turns: bool = Field(description="去掉 words 之后判断是否改变 / whether the answer is the other one without words")
    words: list[PartReply] = Field(description="判断所系的最少的字 / the fewest characters that the answer hangs on")
    share: float = Field(description="这些字占两段的比例 / their share of both texts' characters")
    probability_without: float | None = Field(description="去掉之后的概率 / the probability without them")
    differences: list[DifferenceReply]
    scores: int = Field(description="打分次数 / pairs scored for it")


def explaining_routes(scorer: PairScorer, *, model_name: str) -> APIRouter:
    """Makes the route.

    Args:
        scorer: Texts to logits.
        model_name: What the model is called.

    Returns:
        ``/v1/explain``.
    """
    router = APIRouter(prefix="/v1", tags=["matching"])
    matching = scorer.matcher.matching

    async def answers(request: Request, pairs: list[Texts], task: str) -> list[Answer]:
        scored = await scorer.score(pairs, scorer.task_names([task]))
        exchange = exchange_of(request)
        exchange.n_pairs += len(pairs)
        exchange.n_tokens += scored.n_tokens
        found = scored.verdicts[0]
        return [Answer(*each) for each in zip(found.probabilities.tolist(), found.accepted.tolist(), strict=True)]

    @router.post("/explain", response_model=ExplainReply, responses=error_replies(), summary="为什么 / why")
    async def explain(request: Request, asked: ExplainRequest) -> Response:
        """判断系于哪些字：至多打十次分。The words that an answer hangs on, by ten scores at most."""
        texts = (asked.text0, asked.text1)
        (answer,) = await answers(request, [texts], asked.task)
        # Cutting words takes a moment, and the dictionary's first reading a longer one.
        search = await asyncio.to_thread(FlipSearch, texts, answer, share=SHARE, n_probes=N_SCORES - 1)
        for choose in (search.first, search.second):
            removals = choose()
            if removals:
                left = [removal.without(texts) for removal in removals]
                search.saw(removals, await answers(request, left, asked.task))
        threshold = matching.decision(asked.task).threshold
        found = await asyncio.to_thread(explanation_of, search, task=asked.task, threshold=threshold)
        return json_reply(_reply(found, model_name))

    return router


def _reply(found: Explanation, model_name: str) -> ExplainReply:
    best = found.best
    return ExplainReply(
        model=model_name,
        task=found.task,
        probability=found.probability,
        threshold=found.threshold,
        match=found.accepted,
        turns=found.turns,
        words=[
            PartReply(side=part.side, start=part.start, end=part.end, text=word)
            for part, word in zip(best.parts, best.words, strict=True)
        ]
        if best is not None
        else [],
        share=found.share,
        probability_without=None if best is None else best.probability,
        differences=[
            DifferenceReply(kind=each.kind.value, title=each.kind.title, text0=each.text0, text1=each.text1)
            for each in found.differences
        ],
        scores=found.n_scores,
    )
