"""A place in the queue by a guess, before anything is encoded: a flood of requests would spend the time on that."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from ....tokenize import PairBudget
from ..errors import RefusalError, queue_full
from .batcher import Batcher, QueueFullError
from .place import Place
from .readable import n_characters

__all__ = ["admitted", "n_tokens_at_most"]

# Only a guess: Chinese gives fewer tokens than characters.
_SPECIAL_TOKENS = 4


@contextmanager
def admitted(batcher: Batcher, n_tokens: int) -> Iterator[Place]:
    """Holds a request's place in the queue.

    Args:
        batcher: The queue.
        n_tokens: About how many tokens the request will bring, over all its tasks.

    Yields:
        The place, to hand the rows in.

    Raises:
        RefusalError: It is more than the queue holds, or cannot be done in time; also where that shows only later,
            while the results are waited for.
    """
    limit = batcher.max_queue_tokens
    if n_tokens > limit:
        message = f"the request may take {n_tokens:,} tokens over all its tasks, the whole queue holds {limit:,}"
        fix = f"send it in {math.ceil(n_tokens / limit)} parts or more, or raise --max-queue-tokens"
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix=fix)
    try:
        with batcher.admit(n_tokens) as place:
            yield place
    except QueueFullError as full:
        raise queue_full(full.seconds) from full


def n_tokens_at_most(texts: Sequence[str], budget: PairBudget) -> int:
    """Guesses how many tokens a pair will have.

    Args:
        texts: Its texts.
        budget: That of the task.

    Returns:
        A token a character and some special ones, or what the budget reads at most.

    Example:
        >>> n_tokens_at_most(("怎么退款", "退款"), PairBudget(128, 128))
        10
    """
    window = budget.left + budget.right
    whole = sum(n_characters(text, at_most=window) for text in texts) + _SPECIAL_TOKENS
    return whole if whole <= window else budget.reach
