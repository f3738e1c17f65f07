"""The routes of a labelling: the pair to label now, an answer, taking one back, what is expected; learns beside it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from ...errors import YanmoError
from ...standard.label.session import Labelling
from .errors import error_replies
from .matching import json_reply
from .request_model import RequestModel

__all__ = ["LabelService", "labelling_routes"]


class AnswerRequest(RequestModel):
    """An answer to the question that was asked."""

    place: Annotated[int, Field(ge=0)]
    label: Annotated[int, Field(ge=0, le=1)]


class LaterRequest(RequestModel):
    """A question to pass over."""

    place: Annotated[int, Field(ge=0)]


class QuestionReply(BaseModel):
    """The pair to label now."""

    place: int
    text0: str
    text1: str


class ExpectedReply(BaseModel):
    """What was expected after some answers."""

    answers: int
    accuracy: float
    f1: float
    changed: float | None


class LabellingReply(BaseModel):
    """Where a labelling stands."""

    task: str
    asks: str
    out: str
    question: QuestionReply | None
    answers: int
    matches: int
    left: int
    learning: bool
    enough: bool
    problem: str | None
    curve: list[ExpectedReply]


class LabelService:
    """One labelling shared by the requests of a page: one change at a time, learning in a thread of its own.

    Args:
        labelling: The labelling.
        asks: What a match is, for the person who answers.
    """

    def __init__(self, labelling: Labelling, *, asks: str = "") -> None:
        self.labelling = labelling
        self.asks = asks
        self._lock = threading.Lock()
        self._learner: threading.Thread | None = None
        self._problem: str | None = None

    def state(self) -> LabellingReply:
        """Says where the labelling stands."""
        with self._lock:
            return self._state()

    def answer(self, place: int, label: int) -> LabellingReply:
        """Takes an answer, and begins to learn where it is the tenth."""
        return self._changed(lambda: self.labelling.answer(place, label))

    def later(self, place: int) -> LabellingReply:
        """Passes over a question."""
        return self._changed(lambda: self.labelling.put_off(place))

    def take_back(self) -> LabellingReply:
        """Takes the last answer back."""
        return self._changed(lambda: self.labelling.take_back())

    def close(self) -> None:
        """Waits for the learning that is under way, if there is one."""
        learner = self._learner
        if learner is not None:
            learner.join()

    def _changed(self, change: Callable[[], object]) -> LabellingReply:
        with self._lock:
            change()
            if self.labelling.wants_to_learn and not self._is_learning:
                self._learner = threading.Thread(target=self._learn, name="yanmo-learning", daemon=True)
                self._learner.start()
            return self._state()

    @property
    def _is_learning(self) -> bool:
        return self._learner is not None and self._learner.is_alive()

    def _learn(self) -> None:
        with self._lock:
            labels = self.labelling.labels
        try:
            studied = self.labelling.study(labels)
        except YanmoError as error:
            # Answers are on the disk all the same; the page says why it does not learn.
            self._problem = str(error)
            return
        with self._lock:
            self.labelling.adopt(studied)

    def _state(self) -> LabellingReply:
        labelling, asked = self.labelling, self.labelling.question()
        question = asked and QuestionReply(place=asked.place, text0=asked.texts[0], text1=asked.texts[1])
        return LabellingReply(
            task=labelling.task,
            asks=self.asks,
            out=labelling.answers.path.name,
            question=question,
            answers=labelling.n_answers,
            matches=labelling.n_matches,
            left=labelling.n_left,
            learning=self._is_learning,
            enough=labelling.is_enough,
            problem=self._problem,
            curve=[
                ExpectedReply(answers=each.n_answers, accuracy=each.accuracy, f1=each.f1, changed=each.changed)
                for each in labelling.curve
            ],
        )


def labelling_routes(service: LabelService) -> APIRouter:
    """Makes the routes of a labelling.

    Args:
        service: The labelling.

    Returns:
        ``/v1/label``, ``/v1/label/answer``, ``/v1/label/later`` and ``/v1/label/undo``.
    """
    router = APIRouter(prefix="/v1/label", tags=["labelling"])

    @router.get("", response_model=LabellingReply, summary="标注到哪里了 / where the labelling stands")
    async def state() -> Response:
        """现在该标的一对，已标多少，预计如何。The pair to label now, what was answered, what is expected."""
        return json_reply(await asyncio.to_thread(service.state))

    @router.post("/answer", response_model=LabellingReply, responses=error_replies(), summary="回答 / an answer")
    async def answer(given: AnswerRequest) -> Response:
        """写入磁盘之后才返回。It is on the disk when this returns."""
        return json_reply(await asyncio.to_thread(service.answer, given.place, given.label))

    @router.post("/later", response_model=LabellingReply, responses=error_replies(), summary="先放一放 / pass over")
    async def later(given: LaterRequest) -> Response:
        """这一次不再问这一对。The pair is not asked again in this sitting."""
        return json_reply(await asyncio.to_thread(service.later, given.place))

    @router.post("/undo", response_model=LabellingReply, responses=error_replies(), summary="撤销 / take back")
    async def undo() -> Response:
        """撤销上一个回答，再问一次。Takes the last answer back and asks it again."""
        return json_reply(await asyncio.to_thread(service.take_back))

    return router
