"""Why a pair was judged as it was: the words whose removal turns the answer, and what differs by rule."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..data.edits import Difference, find_differences
from ..errors import InputError
from ..match.given_pairs import GivenPairs, given_pairs
from ..match.matcher import Matcher
from .explain_removal import Part, Texts
from .explain_search import Answer, FlipSearch, Tried

__all__ = ["N_SCORES", "SHARE", "Effect", "Explanation", "explain", "explain_pairs", "explanation_of"]

N_SCORES = 10
"""Scores that an explanation costs, at most, that of the pair itself among them."""
SHARE = 0.15
"""Share of the characters of both texts that may be taken out; of short texts up to four, if that is a quarter."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of the probability without some words.

    Attributes:
        parts: What was taken out.
        words: The same as text, in the order of the parts.
        probability: Calibrated probability of a match without them.
        turns: Whether the answer is the other one without them.
    """

    parts: tuple[Part, ...]
    words: tuple[str, ...]
    probability: float
    turns: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one pair was judged as it was under one standard.

    Attributes:
        task: Name of the standard.
        texts: The pair.
        probability: Calibrated probability of a match.
        threshold: That of the standard.
        accepted: Whether the pair is a match.
        best: The fewest characters that turn the answer; where none were found, those that move it most; None where
            nothing could be taken out.
        effects: All that was tried, what moves the answer most first.
        differences: Numbers, dates and names that differ, by rule.
        n_scores: Pairs that were scored for it.
    """

    task: str
    texts: Texts
    probability: float
    threshold: float
    accepted: bool
    best: Effect | None
    effects: tuple[Effect, ...]
    differences: tuple[Difference, ...]
    n_scores: int

    @property
    def turns(self) -> bool:
        """Whether words were found that the answer hangs on."""
        return self.best is not None and self.best.turns

    @property
    def share(self) -> float:
        """Share of the characters that ``best`` takes out."""
        if self.best is None:
            return 0.0
        return sum(part.end - part.start for part in self.best.parts) / max(sum(map(len, self.texts)), 1)

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON takes it."""
        values = asdict(self) | {"turns": self.turns, "share": self.share}
        for difference in values["differences"]:
            difference["kind"] = difference["kind"].value
        return values


def explain(matcher: Matcher, text0: str, text1: str, *, task: str) -> Explanation:
    """Says which words an answer hangs on.

    Of the words of both texts, up to 15 % of their characters (or four, in short texts), it looks for the fewest whose
    removal turns the answer, with ten scores at most. That is a statement about this model, not about the texts: a
    match may hang on a word that a person finds unimportant.

    Args:
        matcher: The matcher.
        text0: The first text.
        text1: The second text.
        task: The standard.

    Returns:
        The explanation.

    Raises:
        InputError: The standard is unknown, or a text is none.

    Example:
        >>> from yanmo import Matcher
        >>> found = explain(Matcher.default(), "感冒了吃什么药好", "发烧了吃什么药好", task="question")
        >>> found.accepted, found.turns, found.best.words
        (False, True, ('感冒', '发烧'))
    """
    return explain_pairs(matcher, [(text0, text1)], task=task)[0]


def explain_pairs(
    matcher: Matcher,
    pairs: GivenPairs,
    *,
    task: str,
    share: float = SHARE,
    on_progress: Callable[[int], None] | None = None,
) -> list[Explanation]:
    """Explains many pairs; their scores are computed together, in three rounds.

    Args:
        matcher: The matcher.
        pairs: The texts; see ``yanmo.match.given_pairs``.
        task: The standard.
        share: Share of the characters of both texts that may be taken out, above 0 and at most 1.
        on_progress: Told after each round how many pairs were scored in it.

    Returns:
        An explanation of each.

    Raises:
        InputError: The standard is unknown, something is no pair of texts, or the share is none.
    """
    if not 0 < share <= 1:
        raise InputError(f"{share} of the characters cannot be taken out", fix="give a share above 0, at most 1")
    threshold = matcher.matching.decision(task).threshold
    texts = given_pairs(pairs, first=matcher.matching.task_set.first, second=matcher.matching.task_set.second)

    def ask(asked: Sequence[Texts]) -> list[Answer]:
        found = matcher.judge(asked, tasks=[task])[task]
        if on_progress is not None:
            on_progress(len(asked))
        return [Answer(*each) for each in zip(found.probabilities.tolist(), found.accepted.tolist(), strict=True)]

    searches = [
        FlipSearch(pair, answer, share=share, n_probes=N_SCORES - 1)
        for pair, answer in zip(texts, ask(texts) if texts else [], strict=True)
    ]
    for choose in (FlipSearch.first, FlipSearch.second):
        chosen = [choose(search) for search in searches]
        asked = [each.without(s.texts) for s, removals in zip(searches, chosen, strict=True) for each in removals]
        answers = iter(ask(asked) if asked else [])
        for search, removals in zip(searches, chosen, strict=True):
            search.saw(removals, [next(answers) for _ in removals])
    return [explanation_of(search, task=task, threshold=threshold) for search in searches]


def explanation_of(search: FlipSearch, *, task: str, threshold: float) -> Explanation:
    """Puts together what a finished search found.

    Args:
        search: The search.
        task: Name of the standard.
        threshold: That of the standard.

    Returns:
        The explanation.
    """
    texts, answer = search.texts, search.answer

    def effect(tried: Tried) -> Effect:
        parts = tried.removal.parts
        words = tuple(texts[part.side][part.start : part.end] for part in parts)
        return Effect(parts, words, tried.answer.probability, tried.answer.accepted != answer.accepted)

    effects = sorted(map(effect, search.tried), key=lambda each: each.probability, reverse=not answer.accepted)
    return Explanation(
        task,
        texts,
        answer.probability,
        threshold,
        answer.accepted,
        None if search.best is None else effect(search.best),
        tuple(effects),
        tuple(find_differences(*texts)),
        1 + len(search.tried),
    )
