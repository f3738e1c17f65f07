"""From the texts of a request to one vector each: admitted, encoded in a side thread, computed in company."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....match import Matcher
from ....match.engines.engine import GivesTextVectors
from ....match.engines.learned_engine import heads_of, trained_engine
from ....match.engines.own_vectors import own_vector_width
from ....tokenize import EncodedPair, PairBudget
from ..errors import RefusalError
from .admission import admitted, n_tokens_at_most
from .batcher import Batcher
from .encoding import TextEncoding

__all__ = ["EmbeddedTexts", "TextEmbedder", "unit_vectors"]


@dataclass(frozen=True)
class EmbeddedTexts:
    """Texts as vectors under one standard.

    Attributes:
        vectors: Mean vectors, of no particular length, float32[n, width].
        n_cut: Tokens of each text that the model did not read.
        n_read: Tokens of all texts that it read, with their special tokens and prefix.
        n_tokens: Tokens computed; beside each text stands an empty one.
    """

    vectors: NDArray[np.float32]
    n_cut: list[int]
    n_read: int
    n_tokens: int


class TextEmbedder:
    """Gives texts the vectors by which a matcher compares them under one of its trained standards.

    The vector of a text is the mean of what the encoder's last layer makes of its tokens. The layers from the first
    conditional one on know the standard, so a text has another vector under another standard. What the standard does
    with two vectors is not applied yet: neither its side vector nor its head, calibration or threshold. The cosine of
    two vectors is the one by which ``yanmo index`` and ``/v1/search`` find candidates, and which the head reads of a
    standard without a side vector; it is no probability.

    Args:
        matcher: The model.
        batcher: The queue and the thread behind it, shared with what scores pairs.
        encoding: The side threads, likewise.
        default_task: The standard where a request names none; of a learned one the first that it is computed from.
    """

    def __init__(self, matcher: Matcher, batcher: Batcher, encoding: TextEncoding, *, default_task: str) -> None:
        self.matcher = matcher
        self.batcher = batcher
        self._encoding = encoding
        self._heads = heads_of(matcher.engine)
        learned = self._heads.get(default_task)
        self.default_task = default_task if learned is None else learned.sources[0].name
        self.width: int | None = None
        """Numbers of a vector; None where the model has no vectors."""
        self._why_not = ""
        # One object for all requests: rows share a batch where they share what is computed of them.
        self._compute = self._vectors
        engine = trained_engine(matcher.engine)
        if not isinstance(engine, GivesTextVectors):
            self._why_not = f"{type(engine).__name__} gives none"
            return
        self._engine = engine
        try:
            self.width = own_vector_width(
                engine,
                matcher.pair_encoder,
                task=self.default_task,
                index=matcher.matching.task_set.index(self.default_task),
                budget=self._budget(self.default_task),
            )
        except InputError as error:
            self._why_not = error.problem

    def task_name(self, name: str | None) -> str:
        """Gives the standard that a request asks for.

        Args:
            name: Its name; None takes the default one.

        Returns:
            The name.

        Raises:
            InputError: It is unknown, or was learned from a few pairs and so has no vectors of its own.
        """
        chosen = self.default_task if name is None else name
        self.matcher.matching.task_set.index(chosen)
        if chosen in self._heads:
            sources = ", ".join(source.name for source in self._heads[chosen].sources)
            fix = f"name a standard that it is computed from: {sources}"
            raise InputError(f"'{chosen}' was learned from a few pairs and has no vectors of its own", fix=fix)
        return chosen

    async def embed(self, texts: Sequence[str], task: str, *, field: str) -> EmbeddedTexts:
        """Gives every text its vector; a caller that goes away is dropped by cancelling this.

        Args:
            texts: The texts, at least one.
            task: Name of a trained standard.
            field: What the request calls them, for messages.

        Returns:
            Vectors and counts, in order.

        Raises:
            RefusalError: The model has no vectors, a text has nothing to read, they are too long, the queue is full,
                or the model gives no numbers.
        """
        if self.width is None:
            raise RefusalError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"this model has no vectors of single texts: {self._why_not}",
                fix="serve one that encodes texts alone, such as default, or compare texts by /v1/rerank or /v1/score",
            )
        budget = self._budget(task)
        with admitted(self.batcher, sum(n_tokens_at_most([text], budget) for text in texts)) as place:
            encoded = await self._encoding.alone(texts, budget)
            blank = [number for number, each in enumerate(encoded) if each.is_blank]
            if blank:
                more = f" (and {len(blank) - 1} more)" if len(blank) > 1 else ""
                message = f"{field}[{blank[0]}] is empty{more}: there is nothing to read in it"
                raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, fix="leave empty texts out")
            rows = [each.windows[0] for each in encoded]
            tasks = [self.matcher.matching.task_set.index(task)] * len(rows)
            vectors = await asyncio.wrap_future(place.score(rows, tasks, compute=self._compute))
        if not np.isfinite(vectors).all():
            raise RefusalError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "the model gave no number", fix="check it with yanmo doctor model"
            )
        n_read = sum(int((row.side == 0).sum()) for row in rows)
        return EmbeddedTexts(vectors, [each.n_cut[0] for each in encoded], n_read, sum(map(len, rows)))

    def _vectors(self, rows: Sequence[EncodedPair], tasks: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of the first texts, float32[n, width]."""
        first: NDArray[np.float32] = self._engine.vectors(rows, tasks)[:, 0]
        return first

    def _budget(self, task: str) -> PairBudget:
        """That of the standard, most of which a text beside an empty one has for itself."""
        return replace(self.matcher.matching.task_set.task(task).pair_budget, windows=None, shorter_first=False)


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brings vectors to length 1, so that the dot product of two is their cosine.

    Args:
        vectors: float32[n, width].

    Returns:
        float32[n, width]; a vector of zeros stays what it is.

    Example:
        >>> unit_vectors(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    exact = vectors.astype(np.float64)
    lengths = np.sqrt((exact**2).sum(-1, keepdims=True))
    return (exact / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
