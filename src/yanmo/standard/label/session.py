"""A labelling: asks for the pairs that tell most, learns after every ten answers, says what it expects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...match.engines.learned_engine import heads_of
from ...match.engines.learned_head import leaning_of
from ...match.matcher import Matcher
from ..learn_fit import fit_logistic
from ..learn_head import choose_sources
from ..learn_scaling import HeadFeatures, Prior
from .answers import Answers
from .expected import Expected, expect, pays_no_more
from .picking import pick_first, pick_next, uncertainty
from .pool import PoolReadings

__all__ = ["Labelling", "Question", "Studied"]

_EVERY = 10
# So many are planned ahead, so that nobody waits while it learns.
_AHEAD = 2 * _EVERY
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A pair to be labelled."""

    place: int
    """Its place in the pool, by which the answer names it."""
    texts: tuple[str, str]
    """The texts."""
    probability: float | None
    """What the standard says of it now; None before it has learned."""


@dataclass(frozen=True, slots=True, eq=False)
class Studied:
    """What the answers said of the pool when they were studied last."""

    n_answers: int
    """Answers then."""
    columns: NDArray[np.float64] | None
    """Features of every pair, each times the standard deviation of its weight; None before there were two of each
    kind."""
    logits: NDArray[np.float64] | None
    """The logit of every pair."""


class Labelling:
    """One labelling of one pool by one person.

    Args:
        pool: Pairs without labels; each pair is asked once.
        answers: Where answers go; those that stand there are gone on from.
        readings_of: Gives pairs as trained standards see them.
        task: The standard that is labelled for.
        sources: The trained standards to learn it from; None has them chosen by the answers.
        at_most: Pairs of the pool to choose from, drawn at random where there are more.
        seed: Of that draw.

    Raises:
        InputError: The pool has no pair that was not answered yet.
    """

    def __init__(
        self,
        pool: Sequence[tuple[str, str]],
        answers: Answers,
        *,
        readings_of: Callable[[Sequence[tuple[str, str]]], PoolReadings],
        task: str,
        sources: Sequence[str] | None = None,
        at_most: int = 500,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.answers = answers
        self.curve: list[Expected] = []
        known = {_key(pair) for pair in answers.pairs}
        distinct = list({_key(pair): pair for pair in pool if _key(pair) not in known and _has_text(pair)}.values())
        if not distinct:
            raise InputError(
                f"the pool has no new pair: {len(pool)} pairs, all of them answered, repeated or empty",
                fix="give another pool, or learn from the answers: yanmo standard learn",
            )
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(distinct))[:at_most])
        self.pairs = [*answers.pairs, *(distinct[i] for i in chosen)]
        self._labels: dict[int, int] = dict(enumerate(answers.labels))
        self._history = list(range(len(answers.pairs)))
        self._put_off: set[int] = set()
        self._readings = readings_of(self.pairs)
        self._sources = None if sources is None else tuple(sources)
        self._fixed = self._sources is not None
        self._chosen_at = 0
        self._studied = Studied(0, None, None)
        self._decided: NDArray[np.bool_] | None = None
        self._queue: list[int] = []
        self._learned_from = 0
        self.learn()

    @classmethod
    def of(
        cls,
        matcher: Matcher,
        pool: Sequence[tuple[str, str]],
        answers: Answers,
        *,
        task: str,
        at_most: int = 500,
        seed: int = 0,
    ) -> "Labelling":
        """Begins or goes on with a labelling for a matcher.

        Args:
            matcher: Any matcher.
            pool: Pairs without labels.
            answers: Where answers go.
            task: One of the matcher's standards, or a name that is new.
            at_most: Pairs of the pool to choose from.
            seed: Of the draw where there are more.

        Returns:
            The labelling.

        Raises:
            InputError: The pool has no pair that was not answered yet.
        """
        task_set = matcher.matching.task_set
        budget = (task_set.task(task) if task in task_set.names else task_set.tasks[0]).pair_budget
        return cls(
            pool,
            answers,
            readings_of=lambda pairs: PoolReadings.of(matcher, pairs, budget=budget),
            task=task,
            sources=_sources_of(matcher, task),
            at_most=at_most,
            seed=seed,
        )

    @property
    def n_answers(self) -> int:
        """Answers given, in this sitting and before."""
        return len(self._labels)

    @property
    def n_matches(self) -> int:
        """Those of them that are matches."""
        return sum(self._labels.values())

    @property
    def n_left(self) -> int:
        """Pairs that may still be asked."""
        return len(self.pairs) - len(self._labels) - len(self._put_off)

    @property
    def wants_to_learn(self) -> bool:
        """Whether ten answers have come since it learned last."""
        return self.n_answers - self._learned_from >= _EVERY

    @property
    def is_enough(self) -> bool:
        """Whether more answers are expected to change little."""
        return pays_no_more(self.curve)

    def question(self) -> Question | None:
        """Gives the pair to label now; None where all are answered or put off."""
        while self._queue and (self._queue[0] in self._labels or self._queue[0] in self._put_off):
            self._queue.pop(0)
        if not self._queue:
            self._plan()
        if not self._queue:
            return None
        place = self._queue[0]
        logits = self._studied.logits
        probability = None if logits is None else float(1 / (1 + np.exp(-logits[place])))
        return Question(place, self.pairs[place], probability)

    def answer(self, place: int, label: int) -> None:
        """Takes an answer; when this returns it is on the disk.

        Args:
            place: The question's.
            label: 1 match, 0 no match.

        Raises:
            InputError: There is no such question, it was answered, or the file was changed by somebody else.
        """
        if not 0 <= place < len(self.pairs) or place in self._labels:
            raise InputError(f"question {place} is none that is open", fix="load the page again")
        self.answers.add(self.pairs[place], label)
        self._labels[place] = label
        self._history.append(place)

    def put_off(self, place: int) -> None:
        """Passes over a question for this sitting; nothing is written.

        Args:
            place: The question's.
        """
        self._put_off.add(place)

    def take_back(self) -> Question | None:
        """Takes the last answer back and asks it again.

        Returns:
            The question; None where there is no answer.

        Raises:
            InputError: The file was changed by somebody else.
        """
        if self.answers.take_back() is None:
            return None
        place = self._history.pop()
        del self._labels[place]
        self._queue.insert(0, place)
        return self.question()

    def learn(self) -> None:
        """Learns from the answers so far and plans the next questions: ``study``, then ``adopt``."""
        self.adopt(self.study(self.labels))

    @property
    def labels(self) -> dict[int, int]:
        """The answers so far, by the place of the pair."""
        return dict(self._labels)

    def study(self, labels: dict[int, int]) -> Studied:
        """Computes what answers say of the pool; seconds where much is to be read.

        It changes nothing that a question or an answer reads, so that both go on in another thread meanwhile.

        Args:
            labels: Answers by place.

        Returns:
            What to adopt.
        """
        n_yes = sum(labels.values())
        if min(n_yes, len(labels) - n_yes) < _LEAST:
            return Studied(len(labels), None, None)
        seen, every = np.array(list(labels)), np.arange(len(self.pairs))
        is_match = np.array([labels[place] == 1 for place in labels])
        # Chosen anew whenever the answers have doubled: it asks all standards about the answered pairs.
        if self._sources is None or (not self._fixed and len(labels) >= 2 * self._chosen_at):
            self._sources, self._chosen_at = choose_sources(self._readings.rows(seen), is_match), len(labels)
        readings = self._readings.rows(every)
        features = HeadFeatures(self._sources, [readings], prior=Prior())
        columns = features.of(readings)
        fit = fit_logistic(columns[seen], is_match.astype(np.float64), mean=features.mean, std=features.std)
        return Studied(len(labels), columns * features.std, columns @ fit.weights)

    def adopt(self, studied: Studied) -> None:
        """Takes over what was studied, expects, and plans the next questions.

        Args:
            studied: What ``study`` gave.
        """
        self._learned_from = studied.n_answers
        if studied.logits is not None:
            self._studied = studied
            probabilities = 1 / (1 + np.exp(-studied.logits))
            for place, label in self._labels.items():
                probabilities[place] = label
            self.curve.append(expect(probabilities, n_answers=studied.n_answers, before=self._decided))
            self._decided = probabilities >= 0.5
        self._queue.clear()
        self._plan()

    def _plan(self) -> None:
        allowed = np.array([i not in self._labels and i not in self._put_off for i in range(len(self.pairs))])
        columns, logits = self._studied.columns, self._studied.logits
        if columns is None or logits is None:
            open_rows = np.flatnonzero(allowed)
            picked = pick_first(self._first_guess()[open_rows], _AHEAD)
            self._queue = [int(open_rows[i]) for i in picked]
            return
        seen = np.array(list(self._labels), dtype=np.int64)
        self._queue = pick_next(logits, uncertainty(columns, logits, seen), allowed=allowed, n=_AHEAD)

    def _first_guess(self) -> NDArray[np.float64]:
        """Without labels: the standard itself where the matcher has it, else what its standards agree on."""
        every = np.arange(len(self.pairs))
        if self._sources is not None:
            guess: NDArray[np.float64] = self._readings.logits(every, self._sources).astype(np.float64).mean(1)
            return guess
        few = every[:: max(len(every) // 24, 1)][:24]
        leanings = leaning_of(self._readings.logits(few, self._readings.names))
        spread = leanings.std(0)
        z = (leanings - leanings.mean(0)) / np.where(spread > 0, spread, 1.0)
        nearest = int(np.argmax(z.T @ z.mean(1)))
        return self._readings.logits(every, [self._readings.names[nearest]])[:, 0].astype(np.float64)


def _sources_of(matcher: Matcher, task: str) -> tuple[str, ...] | None:
    if task in matcher.matching.trained:
        return (task,)
    head = heads_of(matcher.engine).get(task)
    return None if head is None else tuple(source.name for source in head.sources)


def _key(pair: tuple[str, str]) -> tuple[str, ...]:
    return tuple(sorted(text.strip() for text in pair))


def _has_text(pair: tuple[str, str]) -> bool:
    return bool(pair[0].strip() and pair[1].strip())
