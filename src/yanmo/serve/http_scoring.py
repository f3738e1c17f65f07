"""From the texts of a request to logits: admitted, encoded in a side thread, scored in company."""

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from ..match import Matcher
from ..tokenize import EncodedPair, PairBudget, PairLayout
from .http_batcher import Batcher, QueueFullError
from .http_errors import RefusalError

__all__ = ["PairScorer", "ScoredPairs", "TextCounts"]

# Only a guess for the admission, before anything is encoded: Chinese gives fewer tokens than characters.
_SPECIAL_TOKENS = 4


@dataclass(frozen=True)
class TextCounts:
    """What a model saw of a pair.

    Attributes:
        seen: Tokens of each text that it saw, special tokens and prefix not counted.
        cut: Tokens of each text that the task's budget left out.
    """

    seen: tuple[int, int]
    cut: tuple[int, int]


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs scored under tasks.

    Attributes:
        tasks: Names of the tasks.
        logits: float32[n_pairs, n_tasks].
        counts: Of each pair and each task what the model saw.
        n_tokens: Tokens scored, special ones and all tasks included.
    """

    tasks: tuple[str, ...]
    logits: NDArray[np.float32]
    counts: list[list[TextCounts]]
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
        encoder = matcher.pair_encoder
        self._n_prefix = len(encoder.tokenizer.encode(encoder.prefix).token_ids) if encoder.prefix else 0
        self._n_special = 2 if encoder.layout is PairLayout.SIDES else encoder.tokenizer.n_between
        # Two, so that one very long text does not keep the others from being encoded.
        self._encoding = ThreadPoolExecutor(2, thread_name_prefix="yanmo-encoding")

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
        for name in names:
            task_set.index(name)
        return tuple(dict.fromkeys(names))

    async def score(self, pairs: Sequence[tuple[str, str]], tasks: Sequence[str]) -> ScoredPairs:
        """Scores pairs under tasks; a caller that goes away is dropped by cancelling this.

        Args:
            pairs: The texts, at least one pair.
            tasks: Names of tasks, at least one.

        Returns:
            Logits and counts.

        Raises:
            RefusalError: They are too many, the queue is full, or the model gives no numbers.
        """
        if len(pairs) > self.max_pairs:
            message = f"the request holds {len(pairs):,} pairs, the limit is {self.max_pairs:,}"
            fix = f"send {self.max_pairs:,} at a time, or raise --max-pairs"
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix=fix)
        budgets = [self._budget(task) for task in tasks]
        guess = sum(_n_tokens_at_most(pair, budget) for pair in pairs for budget in budgets)
        limit = self.batcher.max_queue_tokens
        if guess > limit:
            message = f"the request may take {guess:,} tokens over all its tasks, the whole queue holds {limit:,}"
            fix = f"send it in {math.ceil(guess / limit)} parts or more, or raise --max-queue-tokens"
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix=fix)
        try:
            place = self.batcher.admit(guess)
        except QueueFullError as full:
            raise RefusalError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "the queue is full",
                fix=f"try again in {full.seconds} s",
                headers={"Retry-After": str(full.seconds)},
            ) from full
        with place:
            # Before the encoding, for that is what a flood of requests would spend the time on.
            loop = asyncio.get_running_loop()
            rows = await loop.run_in_executor(self._encoding, self._encode, pairs, budgets)
            indices = [self.matcher.matching.task_set.index(task) for task in tasks] * len(pairs)
            logits = await asyncio.wrap_future(place.score(rows, indices))
        if not np.isfinite(logits).all():
            raise RefusalError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "the model gave no number", fix="check it with yanmo doctor model"
            )
        n = len(tasks)
        counts = [[self._counts(row) for row in rows[i : i + n]] for i in range(0, len(rows), n)]
        return ScoredPairs(tuple(tasks), logits.reshape(len(pairs), n), counts, sum(map(len, rows)))

    def close(self) -> None:
        """Ends the encoding threads."""
        self._encoding.shutdown()

    def _encode(self, pairs: Sequence[tuple[str, str]], budgets: Sequence[PairBudget]) -> list[EncodedPair]:
        """Gives a row for every pair and task, the tasks of a pair side by side."""
        distinct = list(dict.fromkeys(budgets))
        # In one call, which tokenizes every text once whatever its budgets.
        encoded = self.matcher.pair_encoder.encode_batch(
            [pair for _ in distinct for pair in pairs], budgets=[budget for budget in distinct for _ in pairs]
        )
        first = {budget: i * len(pairs) for i, budget in enumerate(distinct)}
        return [encoded[first[budget] + i] for i in range(len(pairs)) for budget in budgets]

    def _budget(self, task: str) -> PairBudget:
        budget = self.matcher.matching.task_set.task(task).budget
        return PairBudget(budget.left, budget.right, head=budget.head)

    def _counts(self, row: EncodedPair) -> TextCounts:
        n_second = int(row.side.sum())
        lengths = (len(row) - n_second - 2, n_second - self._n_special)
        left, right = (max(0, n - self._n_prefix) for n in lengths)
        return TextCounts((left, right), row.n_cut)


def _n_tokens_at_most(pair: tuple[str, str], budget: PairBudget) -> int:
    return min(budget.left + budget.right, len(pair[0]) + len(pair[1]) + _SPECIAL_TOKENS)
