"""One vector of each text under a standard, and the standard's own scores of any two of them.

Where the texts of a pair do not meet in the encoder, a text has the same vector beside any other, so that n texts cost
n encodings and each pair the head alone. A pair of texts that do not fit the standard's budget together is another
matter: what is cut of the one hangs on the other. Such pairs are scored by the matcher itself, from the texts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match import Matcher, Verdict
from ..match.details import PairDetails
from ..match.engines.engine import ComparesVectors
from ..match.engines.learned_engine import heads_of, trained_engine
from ..match.engines.own_vectors import own_vector_width
from ..match.verdicts import verdicts, with_implied
from ..tokenize import PairBudget

__all__ = ["EncodedTexts", "TextVectors"]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedTexts:
    """Some texts as a standard sees them.

    Attributes:
        vectors: Unit vectors under each of ``TextVectors.sources``, float16[n, sources, width].
        lengths: Tokens of each text with its special tokens, uncut, int32[n]; 0 where there is nothing to read.
    """

    vectors: NDArray[np.float16]
    lengths: NDArray[np.int32]


class TextVectors:
    """Texts to vectors under a standard and those it implies, and pairs of vectors to its verdicts.

    Args:
        matcher: Knows the standard.
        task: Name of the standard.

    Raises:
        InputError: The matcher does not know the task, or reads both texts of a pair together.
    """

    def __init__(self, matcher: Matcher, task: str) -> None:
        self.matcher = matcher
        self.task = task
        """The standard."""
        self.tasks = with_implied(matcher.matching.task_set, [task])
        """It, and the looser ones that it implies."""
        heads = heads_of(matcher.engine)
        self._heads = {name: heads[name] for name in self.tasks if name in heads}
        sources = [
            source
            for name in self.tasks
            for source in ([each.name for each in heads[name].sources] if name in heads else [name])
        ]
        self.sources = tuple(dict.fromkeys(sources))
        """The trained standards whose vectors are needed: of a learned standard those it is computed from."""
        self._indices = [matcher.matching.task_set.index(name) for name in self.sources]
        budgets = [matcher.matching.task_set.task(name).pair_budget for name in self.tasks]
        self._room = min(budget.left + budget.right for budget in budgets)
        widest = max(budgets, key=lambda budget: budget.left + budget.right)
        self._budget = replace(widest, windows=None, shorter_first=False)
        self.width = own_vector_width(
            self._engine, matcher.pair_encoder, task=task, index=self._indices[0], budget=self._budget
        )
        """Size of a vector."""

    @property
    def is_symmetric(self) -> bool:
        """Whether the standard, and all that it implies, take a pair and the pair swapped as one question."""
        return all(self.matcher.matching.task_set.task(name).symmetric for name in self.tasks)

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encodes texts, two in a row of the engine where both fit.

        Args:
            texts: The texts.

        Returns:
            Their vectors and lengths, in order.
        """
        vectors = np.zeros((len(texts), len(self.sources), self.width), dtype=np.float16)
        lengths = np.zeros(len(texts), dtype=np.int32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        couples = [tuple(order[i : i + 2]) for i in range(0, len(order), 2)]
        while couples:
            alone: list[tuple[int, ...]] = []
            pairs = [(texts[each[0]], texts[each[1]] if len(each) > 1 else "") for each in couples]
            found, sizes, is_cut = self._sides(pairs, self._budget)
            for row, each in enumerate(couples):
                if is_cut[row] and len(each) > 1:
                    alone += [(i,) for i in each]
                    continue
                for side, i in enumerate(each):
                    vectors[i], lengths[i] = _unit(found[row, :, side]), sizes[row, side]
            couples = alone
        bare = [i for i, text in enumerate(texts) if not any(map(str.isalnum, text))]
        beside_nothing = self.matcher.pair_encoder.encode_windows([(texts[i], "") for i in bare], budgets=self._budget)
        lengths[[i for i, pair in zip(bare, beside_nothing, strict=True) if pair.is_blank]] = 0
        return EncodedTexts(vectors, lengths)

    def fits(self, first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether texts of some lengths fit the standard's budget together, so that vectors say all, bool[n]."""
        return first.astype(np.int64) + second <= self._room

    def logits(self, first: NDArray[np.float16], second: NDArray[np.float16]) -> NDArray[np.float32]:
        """Scores pairs of vectors under every task of ``tasks``.

        Args:
            first: Vectors of the first texts, [n, sources, width].
            second: Those of the second texts.

        Returns:
            Logits, float32[n, tasks].
        """
        engine = self._engine
        logits: dict[str, NDArray[np.float32]] = {}
        vectors: dict[str, NDArray[np.float32]] = {}
        for place, (name, index) in enumerate(zip(self.sources, self._indices, strict=True)):
            logits[name] = engine.score_vectors(first[:, place], second[:, place], [index] * len(first))
            if self._heads:
                vectors[name] = np.stack([first[:, place], second[:, place]], 1).astype(np.float32)
        for name, head in self._heads.items():
            logits[name] = head.logits(logits, vectors)
        return np.stack([logits[name] for name in self.tasks], 1)

    @property
    def said_of_heads(self) -> dict[str, str]:
        """What learned standards among ``tasks`` are computed by, as JSON, by name."""
        return {name: head.model_dump_json() for name, head in self._heads.items()}

    def text_logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Scores pairs from their texts, as the matcher does, float32[n, tasks]."""
        each = [self.matcher.logits(pairs, task=name) for name in self.tasks]
        return np.stack(each, 1) if pairs else np.empty((0, len(self.tasks)), dtype=np.float32)

    def verdict(
        self, logits: NDArray[np.float32], *, is_blank: NDArray[np.bool_], texts_of: Callable[[int], tuple[str, str]]
    ) -> Verdict:
        """Turns logits under every task into the standard's probabilities and decisions.

        Args:
            logits: As ``logits`` gives them, float32[n, tasks].
            is_blank: Where neither text has anything to read, bool[n].
            texts_of: Gives the texts of a pair by its number, for the details that a standard declares.

        Returns:
            The verdict of the standard.
        """
        each = {name: np.ascontiguousarray(logits[:, place]) for place, name in enumerate(self.tasks)}
        details = PairDetails(texts_of, self.matcher.matching.normalization)
        return verdicts(self.matcher.matching, each, is_blank=is_blank, details=details)[self.task]

    @property
    def threshold(self) -> float:
        """Probability from which on a pair is a match."""
        return self.matcher.matching.decision(self.task).threshold

    @property
    def _engine(self) -> ComparesVectors:
        engine = trained_engine(self.matcher.engine)
        if not isinstance(engine, ComparesVectors):
            fix = "take the same matcher as an ONNX export, or its torch folder"
            raise InputError("this engine scores no vectors", fix=fix)
        return engine

    def _sides(
        self, pairs: Sequence[tuple[str, str]], budget: PairBudget
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.bool_]]:
        """Vectors [n, sources, 2, width], tokens [n, 2] before any cut, and whether something was cut, [n]."""
        encoded = self.matcher.pair_encoder.encode_windows(pairs, budgets=budget)
        rows = [each.windows[0] for each in encoded]
        n_tasks = len(self._indices)
        flat = self._engine.vectors([row for row in rows for _ in range(n_tasks)], self._indices * len(rows))
        on_side = [[int((row.side == side).sum()) for side in (0, 1)] for row in rows]
        n_cut = np.array([row.n_cut for row in rows], dtype=np.int32).reshape(-1, 2)
        sizes: NDArray[np.int32] = np.array(on_side, dtype=np.int32).reshape(-1, 2) + n_cut
        is_cut: NDArray[np.bool_] = np.asarray(n_cut.any(1), dtype=np.bool_)
        vectors: NDArray[np.float32] = flat.reshape(len(rows), n_tasks, 2, -1)
        return vectors, sizes, is_cut


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float16] = (vectors / np.maximum(norms, 1e-12)).astype(np.float16)
    return unit
