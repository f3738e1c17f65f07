"""The route ``/v1/search``: the texts of an index that match a query."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ...collection.text_index import Hit, TextIndex
from ...collection.vector_folder import task_of_index
from ...match import Matcher
from .entrance import exchange_of
from .errors import error_replies, queue_full
from .matching import json_reply
from .request_model import RequestModel, Text, counted_route

__all__ = ["SearchDesk", "search_routes"]

# Requests that wait for the one thread that searches; a search takes some hundredths of a second.
_MOST_WAITING = 64
_RETRY_SECONDS = 2


class SearchRequest(RequestModel):
    """Queries."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queries": ["怎么退款"], "top": 5}]})

    queries: list[Text] = Field(min_length=1, max_length=100, description="要找的话 / what to look for")
    top: int = Field(default=10, ge=1, le=1000, description="每个问题给出几条 / texts of each")


class HitReply(BaseModel):
    """One text that was found."""

    id: str
    text: str
    probability: float = Field(description="校准后的概率 / calibrated probability of a match")
    match: bool = Field(description="是否匹配 / the standard's decision")
    columns: dict[str, str] = Field(description="这一行的其他列 / the row's other columns")


class SearchReply(BaseModel):
    """The texts found for each query, best first."""

    model: str
    task: str = Field(description="索引的标准 / the standard of the index")
    digest: str = Field(description="索引的摘要 / what tells this index from others")
    results: list[list[HitReply]]


class SearchDesk:
    """An open index and the one thread that searches it; closed at the end of the service.

    Args:
        matcher: The model that the index was made with.
        folder: The index, as it is now: rows added later are found after a restart.

    Raises:
        InputError: The folder is no index, or one of another model.
    """

    def __init__(self, matcher: Matcher, folder: Path) -> None:
        self._stack = ExitStack()
        self.task = task_of_index(folder)
        """The standard of the index."""
        opened = TextIndex.opened(folder, matcher, task=self.task, writes=False)
        self._index = self._stack.enter_context(opened)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="yanmo-search")
        self._n_waiting = 0

    @property
    def digest(self) -> str:
        """What tells the index from others."""
        return self._index.digest

    async def search(self, queries: list[str], *, top: int) -> list[list[Hit]]:
        """Searches after those who came before.

        Args:
            queries: The queries.
            top: Texts of each.

        Returns:
            Of each query the texts.

        Raises:
            RefusalError: Too many wait already.
        """
        if self._n_waiting >= _MOST_WAITING:
            raise queue_full(_RETRY_SECONDS)
        self._n_waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, lambda: self._index.search(queries, top=top))
        finally:
            self._n_waiting -= 1

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)
        self._stack.close()


def search_routes(desk: SearchDesk, *, model_name: str, max_pairs: int) -> APIRouter:
    """Makes the route.

    Args:
        desk: The open index.
        model_name: What the model is called.
        max_pairs: Pairs of one request, at most.

    Returns:
        ``/v1/search``.
    """
    router = APIRouter(prefix="/v1", tags=["collections"], route_class=counted_route(max_pairs))

    @router.post("/search", response_model=SearchReply, responses=error_replies(), summary="检索 / search the index")
    async def search(request: Request, asked: SearchRequest) -> Response:
        """索引里与问题匹配的文本，按概率从高到低。Texts of the index that match, highest probability first."""
        exchange_of(request).n_pairs = len(asked.queries)
        found = await desk.search(list(asked.queries), top=asked.top)
        results = [
            [
                HitReply(id=hit.id, text=hit.text, probability=hit.probability, match=hit.is_match, columns=hit.columns)
                for hit in hits
            ]
            for hits in found
        ]
        return json_reply(SearchReply(model=model_name, task=desk.task, digest=desk.digest, results=results))

    return router
