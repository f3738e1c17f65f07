"""The search for the fewest characters whose removal turns an answer: in two rounds, with a fixed number of scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .explain_removal import Removal, Texts, likely_removals

__all__ = ["Answer", "FlipSearch", "Tried"]

_LEAST = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a standard says of one pair.

    Attributes:
        probability: Calibrated probability of a match.
        accepted: Whether the pair is a match.
    """

    probability: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """A removal and what was answered without those words."""

    removal: Removal
    answer: Answer


class FlipSearch:
    """Chooses what to take out of one pair, round by round; whoever has it scores the texts.

    The first round takes the likeliest words out one by one (or a few at a time in long texts), the second joins those
    that moved the answer most, or, where one turned it already, tries its parts.

    Args:
        texts: The pair.
        answer: What is to be explained.
        share: Share of the characters of both texts that may be taken out; of short texts four characters, so that a
            difference of two words may go from both sides, but no more than a quarter.
        n_probes: Scores that the search may ask for.
    """

    def __init__(self, texts: Texts, answer: Answer, *, share: float, n_probes: int) -> None:
        self.texts = texts
        self.answer = answer
        n_characters = sum(map(len, texts))
        self.limit = max(int(share * n_characters), min(_LEAST, n_characters // 4), 1)
        self.tried: list[Tried] = []
        self._likely = likely_removals(texts, accepted=answer.accepted, limit=self.limit) if any(texts) else []
        self._n_left = n_probes

    @property
    def best(self) -> Tried | None:
        """The removal that turns the answer with the fewest characters, else the one that moves it most."""
        turning = [each for each in self.tried if each.answer.accepted != self.answer.accepted]
        if turning:
            return min(turning, key=lambda each: (each.removal.n_characters, -self._moved(each)))
        return max(self.tried, key=self._moved, default=None)

    def first(self) -> list[Removal]:
        """The removals of the first round, likeliest first."""
        return self._take(self._likely, (self._n_left + 1) // 2)

    def second(self) -> list[Removal]:
        """Those of the second round, once ``saw`` was told of the first."""
        best = self.best
        if best is None:
            return []
        if best.answer.accepted != self.answer.accepted:
            parts = best.removal.parts
            smaller = [Removal(rest, 0.0) for n in (1, len(parts) - 1) for rest in combinations(parts, n)]
            shorter = [each for each in self._likely if each.n_characters < best.removal.n_characters]
            return self._take([*smaller, *shorter], self._n_left)
        ranked = sorted(self.tried, key=self._moved, reverse=True)
        joined = [a.removal.joined(b.removal) for a, b in combinations(ranked[:4], 2)]
        return self._take([each for each in joined if each.n_characters <= self.limit] + self._likely, self._n_left)

    def saw(self, removals: Sequence[Removal], answers: Sequence[Answer]) -> None:
        """Takes in what was answered.

        Args:
            removals: As ``first`` or ``second`` gave them.
            answers: The answer to the texts without each.
        """
        self.tried += [Tried(*each) for each in zip(removals, answers, strict=True)]

    def _moved(self, tried: Tried) -> float:
        """How far the probability went towards the other answer."""
        moved = self.answer.probability - tried.answer.probability
        return moved if self.answer.accepted else -moved

    def _take(self, removals: Sequence[Removal], n: int) -> list[Removal]:
        """The first n that were not tried; what they leave must differ, and must not be nothing."""
        seen = {each.removal.without(self.texts) for each in self.tried} | {self.texts}
        taken: list[Removal] = []
        for removal in removals:
            left = removal.without(self.texts)
            if len(taken) < n and left not in seen and all(text.strip() for text in left):
                seen.add(left)
                taken.append(removal)
        self._n_left -= len(taken)
        return taken
