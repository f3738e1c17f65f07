"""From the texts of a request to logits: admitted, encoded in a side thread, scored in company."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from ....match import Matcher, Verdict
from ....match.details import PairDetails
from ....match.verdicts import verdicts, with_implied
from ....tokenize import PairWindows
from ..errors import RefusalError
from .admission import admitted, n_tokens_at_most
from .batcher import Batcher
from .encoding import TextEncoding

__all__ = ["PairScorer", "ScoredPairs"]


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs scored under tasks.

    Attributes:
        tasks: Names of the tasks asked for.
        logits: Under each of them, float32[n_pairs, n_tasks].
        verdicts: Of each of them what it says of the pairs.
        readings: Of each pair and each task asked for what the model read.
        details: In which details the texts of a pair differ.
        n_tokens: Tokens scored, special ones and all tasks included.
    """

    tasks: tuple[str, ...]
    logits: NDArray[np.float32]
    verdicts: list[Verdict]
    readings: list[list[PairWindows]]
    details: PairDetails
    n_tokens: int


class PairScorer:
    """Scores the pairs of one request after the other has come, all in one queue.

    Args:
        matcher: The model.
        batcher: The queue and the thread behind it.
        max_pairs: Pairs of one request, at most.
    """

    def __init__(self, matcher: Matcher, batcher: Batcher, *, max_pairs: int) -> None:
        self.matcher = matcher
        self.batcher = batcher
        self.max_pairs = max_pairs
        self.encoding = TextEncoding(matcher)
        """Its side threads, closed with it."""

    def task_names(self, names: Sequence[str] | None) -> tuple[str, ...]:
        """Gives the tasks that a request asks for.

        Args:
            names: Their names; None asks for all.

        Returns:
            The names, each once.

        Raises:
            InputError: One is unknown.
        """
        task_set = self.matcher.matching.task_set
        if names is None:
            return task_set.names
        distinct = tuple(dict.fromkeys(names))
        for name in distinct:
            task_set.index(name)
        return distinct

    async def score(self, pairs: Sequence[tuple[str, str]], tasks: Sequence[str]) -> ScoredPairs:
        """Scores pairs under tasks; a caller that goes away is dropped by cancelling this.

        Args:
            pairs: The texts, at least one pair.
            tasks: Names of tasks, at least one.

        Returns:
            Logits, verdicts and counts.

        Raises:
            RefusalError: They are too long, the queue is full, or the model gives no numbers.
        """
        scored = with_implied(self.matcher.matching.task_set, tasks)
        budgets = [self.matcher.matching.task_set.task(task).pair_budget for task in scored]
        with admitted(
            self.batcher, sum(n_tokens_at_most(pair, budget) for pair in pairs for budget in budgets)
        ) as place:
            encoded = await self.encoding.rows(pairs, scored)
            rows = encoded.rows
            logits = encoded.pool(await asyncio.wrap_future(place.score(rows, encoded.row_tasks)))
        if not np.isfinite(logits).all():
            raise RefusalError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "the model gave no number", fix="check it with yanmo doctor model"
            )
        readings = [each[: len(tasks)] for each in encoded.pairs]
        details, matching = encoded.details, self.matcher.matching
        by_task = {task: logits[:, i] for i, task in enumerate(scored)}
        # In a side thread: standards that declare details look for them in the texts.
        judge = partial(verdicts, matching, by_task, is_blank=encoded.is_blank, details=details)
        found = await self.encoding.aside(judge)
        judged = [found[task] for task in tasks]
        return ScoredPairs(tuple(tasks), logits[:, : len(tasks)], judged, readings, details, sum(map(len, rows)))

    def close(self) -> None:
        """Ends the encoding threads."""
        self.encoding.close()
