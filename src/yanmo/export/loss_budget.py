"""Exports within a budget of lost F1: the matrices that suffer most from rounding are stored in a finer form."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Pair
from ..errors import InputError
from ..evaluate import TaskScores, score_split
from ..match import Matcher
from .drift import TaskDrift, measure_drift

if TYPE_CHECKING:
    from .weight_plan import WeightPlan

__all__ = ["Attempt", "LossBudget"]

# Pairs of each task that show which matrices bear rounding worst.
_N_PROBES = 24

OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class Attempt:
    """One export that was tried: how its weights are stored, and how much F1 it loses."""

    plan: "WeightPlan"
    """The form of each matrix."""
    raised: tuple[str, ...]
    """Matrices stored in the next finer form, the worst first."""
    drifts: tuple[TaskDrift, ...]
    """What was measured, one entry a task."""

    @property
    def worst(self) -> TaskDrift:
        """The task that lost most."""
        return max(self.drifts, key=lambda drift: drift.points_lost)


@dataclass(frozen=True)
class LossBudget:
    """How much F1 an export may lose, and the labelled pairs on which that is measured."""

    matcher: Matcher
    """The matcher with torch weights."""
    pairs: Mapping[str, Sequence[Pair]]
    """Labelled pairs of each task, by its name."""
    before: tuple[TaskScores, ...]
    """The matcher's own scores of the pairs."""
    points: float
    """Points of F1 (hundredths) that each task may lose at most."""

    def search(
        self,
        folder: Path,
        plan: "WeightPlan",
        *,
        write: Callable[[Path, "WeightPlan"], None],
        on_attempt: Callable[[Attempt], None],
        on_progress: OnProgress | None = None,
        accepts_loss: bool = False,
    ) -> Attempt:
        """Writes the export, with as few matrices in a finer form as the budget asks for.

        First none is; then the worst 1, 2, 4, ... and at most half of them, in the order of a first-order estimate of
        what each moves the logits by. Every attempt is scored as it will be used.

        Args:
            folder: An existing folder; afterwards it holds the attempt that is given back.
            plan: The form of each part.
            write: Writes an export into a folder by a plan.
            on_attempt: Told of every attempt once it is measured.
            on_progress: Told after every few hundred pairs how many more are scored.
            accepts_loss: Whether to keep the best attempt where none keeps within the budget.

        Returns:
            The first attempt within the budget, else the best one.

        Raises:
            InputError: No attempt keeps within the budget, and loss is not accepted.
        """
        decisions = {name: self.matcher.matching.decision(name) for name in self.pairs}
        attempts = []
        for raised in self._choices(plan):
            chosen = plan.raising(frozenset(raised))
            write(folder, chosen)
            after = score_split(Matcher.from_pretrained(folder), self.pairs, on_progress=on_progress)
            attempt = Attempt(chosen, raised, tuple(measure_drift(self.before, after, decisions)))
            on_attempt(attempt)
            if attempt.worst.points_lost <= self.points:
                return attempt
            attempts.append(attempt)
        best = min(attempts, key=lambda each: each.worst.points_lost)
        if not accepts_loss:
            worst = best.worst
            raise InputError(
                f"task '{worst.task}' would lose {worst.points_lost:.2f} points of F1 ({worst.n_changed} of {worst.n} "
                f"decisions change), more than the budget of {self.points:g}, even with {len(best.raised)} matrices "
                "stored finer",
                fix="raise --budget, choose a finer form, or add --accept-loss to export all the same",
            )
        if best is not attempts[-1]:
            write(folder, best.plan)
        return best

    def _choices(self, plan: "WeightPlan") -> Iterator[tuple[str, ...]]:
        yield ()
        # Only asked for where the plain plan loses too much.
        from .drift_order import linears_by_drift

        texts = {}
        for name, pairs in self.pairs.items():
            step = max(1, len(pairs) // _N_PROBES)
            texts[name] = [(pair.text0, pair.text1) for pair in pairs[::step][:_N_PROBES]]
        order = [name for name, _ in linears_by_drift(self.matcher, texts, plan=plan)]
        n = 1
        while n <= len(order) // 2:
            yield tuple(order[:n])
            n *= 2
