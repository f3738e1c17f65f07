"""The routes of the service's own shape: what tasks there are, probabilities, decisions."""

from collections.abc import Collection
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from ...data.edits.difference_kinds import DifferenceKind
from ...match import Decision, Matcher, Verdict
from ...match.verdicts import declared_details
from ...tokenize import PairWindows
from .entrance import exchange_of
from .errors import error_replies
from .queue.scoring import PairScorer, ScoredPairs
from .request_model import counted_route
from .schemas import (
    BudgetReply,
    DecideReply,
    PairDecisions,
    PairScores,
    PairsRequest,
    ScoreReply,
    TaskDecision,
    TaskReply,
    TasksReply,
)

__all__ = ["json_reply", "matching_routes"]


def json_reply(reply: BaseModel) -> Response:
    """Sends a reply as it is; FastAPI would check every number of it again."""
    return Response(reply.model_dump_json(exclude_unset=True), media_type="application/json")


def matching_routes(scorer: PairScorer, *, model_name: str) -> APIRouter:
    """Makes the routes.

    Args:
        scorer: Texts to logits.
        model_name: What the model is called.

    Returns:
        ``/v1/tasks``, ``/v1/score`` and ``/v1/decide``.
    """
    router = APIRouter(prefix="/v1", tags=["matching"], route_class=counted_route(scorer.max_pairs))
    matcher = scorer.matcher
    known = _describe_tasks(matcher, model_name)

    async def score_pairs(request: Request, asked: PairsRequest) -> ScoredPairs:
        exchange = exchange_of(request)
        exchange.n_pairs = len(asked.pairs)
        scored = await scorer.score([(pair.text0, pair.text1) for pair in asked.pairs], scorer.task_names(asked.tasks))
        exchange.n_tokens = scored.n_tokens
        return scored

    @router.get("/tasks", response_model=TasksReply, summary="有哪些任务 / which tasks there are")
    async def tasks() -> Response:
        """模型的各个匹配标准、阈值与长度预算。Every standard of match, its threshold and its budget."""
        return json_reply(known)

    @router.post(
        "/score", response_model=ScoreReply, responses=error_replies(), summary="打分 / calibrated probabilities"
    )
    async def score(request: Request, asked: PairsRequest) -> Response:
        """每对文本在每个任务下校准后的匹配概率。The calibrated probability of every pair under every task."""
        scored = await score_pairs(request, asked)
        rows = np.stack([found.probabilities for found in scored.verdicts], 1).tolist()
        results = [PairScores(scores=dict(zip(scored.tasks, row, strict=True))) for row in rows]
        return json_reply(ScoreReply(model=model_name, results=results))

    @router.post("/decide", response_model=DecideReply, responses=error_replies(), summary="判断 / decisions")
    async def decide(request: Request, asked: PairsRequest) -> Response:
        """概率、阈值、判断，以及模型看到与截去的 token 数。Probability, threshold, decision, tokens seen and cut."""
        scored = await score_pairs(request, asked)
        found = scored.verdicts
        probabilities = np.stack([verdict.probabilities for verdict in found], 1)
        matches = [verdict.accepted.tolist() for verdict in found]
        thresholds = [matcher.matching.decision(task).threshold for task in scored.tasks]
        kinds = [declared_details(matcher.matching.task_set, task) for task in scored.tasks]
        results = [
            PairDecisions(
                tasks={
                    task: TaskDecision(
                        probability=row[i],
                        threshold=thresholds[i],
                        match=matches[i][pair],
                        tokens=readings[i].n_read,
                        cut=readings[i].n_cut,
                        **_remarks(readings[i], found[i], pair),
                        **_differing(scored, found[i], kinds[i], pair),
                    )
                    for i, task in enumerate(scored.tasks)
                }
            )
            for pair, (row, readings) in enumerate(zip(probabilities.tolist(), scored.readings, strict=True))
        ]
        return json_reply(DecideReply(model=model_name, results=results))

    return router


def _remarks(reading: PairWindows, verdict: Verdict, pair: int) -> dict[str, Any]:
    """What is told of a pair only where it is so."""
    told: dict[str, Any] = {"unknown": reading.n_unknown} if any(reading.n_unknown) else {}
    return told | {name: True for name, is_so in (("ask", verdict.asked), ("blank", verdict.is_blank)) if is_so[pair]}


def _differing(scored: ScoredPairs, verdict: Verdict, kinds: Collection[DifferenceKind], pair: int) -> dict[str, Any]:
    """The details that keep a pair apart, where some do."""
    return {"differs": scored.details.said(pair, kinds)} if verdict.is_apart[pair] else {}


def _asking(rule: Decision) -> dict[str, float]:
    """The thresholds between which a person is asked, where there are any."""
    given = {"ask_above": rule.ask_above, "ask_below": rule.ask_below}
    return {name: value for name, value in given.items() if value is not None}


def _describe_tasks(matcher: Matcher, model_name: str) -> TasksReply:
    return TasksReply(
        model=model_name,
        tasks=[
            TaskReply(
                name=task.name,
                title=task.title,
                standard=task.standard,
                implies=task.implies,
                group=task.group,
                asks=task.asks,
                symmetric=task.symmetric,
                details=[kind.value for kind in task.details],
                first=matcher.matching.task_set.text_columns(task)[0],
                second=matcher.matching.task_set.text_columns(task)[1],
                threshold=matcher.matching.decision(task.name).threshold,
                **_asking(matcher.matching.decision(task.name)),
                budget=BudgetReply.model_validate(task.budget.model_dump(mode="json")),
            )
            for task in matcher.matching.task_set.tasks
        ],
    )
