"""A standard's threshold set on labelled pairs: by a promise, for another share of matches, or with a third answer."""

from datetime import date

import numpy as np

from ..data import Columns
from ..errors import InputError
from ..evaluate import platt_scaling, score_split, score_texts
from ..evaluate.rules import looser_verdict
from ..match import Matcher, Promise, PromiseKind
from ..match.asking import asking
from ..match.decisions import Calibration, Decision
from .base_rate import decision_at, estimated_base_rate
from .promise import KeptCut, cost_cut, precision_cut, recall_cut
from .scored import Labelled, OnProgress, ScoredPairs, labelled_pairs, score_pairs, unlabelled_pairs

__all__ = ["ask_threshold", "base_rate_threshold", "promise_threshold"]


def promise_threshold(
    matcher: Matcher,
    data: Labelled,
    *,
    task: str,
    precision: float | None = None,
    recall: float | None = None,
    costs: tuple[float, float] | None = None,
    confidence: float = 0.95,
    columns: Columns | None = None,
    on_progress: OnProgress | None = None,
) -> Decision:
    """Finds a threshold of which something can be promised, whatever the model, on pairs drawn like the labelled ones.

    A precision gets the lowest threshold that the test finds to keep it, so the most matches; a recall the highest; two
    prices the threshold of least cost, whose cost is bounded. The decision is meant as it is taken: where the standard
    implies a looser one, a yes needs the looser one's too.

    Args:
        matcher: The matcher.
        data: A file of labelled pairs, or triples ``(text, text, label)``. No pair that it was trained on, and drawn
            like those the threshold will meet, the share of matches included.
        task: Name of the standard.
        precision: Share of the accepted pairs that are matches, in (0, 1).
        recall: Share of the matches that are accepted, in (0, 1).
        costs: What a wrong match and a missed match cost, both above 0.
        confidence: Chance with which the promise is kept, over the labelled pairs that might have been drawn.
        columns: Columns of the file by name, where they are neither the standard's nor customary.
        on_progress: Told how many pairs more have been scored.

    Returns:
        The standard's rule with the new threshold and its promise; thresholds for asking, which were made for the
        threshold before, are gone. ``keep_decision`` writes it into a folder.

    Raises:
        InputError: It cannot be promised, and the message says about how many labels would do; or not exactly one of
            precision, recall and costs is given, or one is out of range.

    Example:
        ``promise_threshold(Matcher.default(), "labelled.csv", task="law", precision=0.9).promise.recall``
    """
    wanted = [(kind, value) for kind, value in _by_kind(precision, recall, costs) if value is not None]
    if len(wanted) != 1:
        raise InputError(f"{len(wanted)} promises were asked for", fix="give one of precision, recall and costs")
    for name, share in (("precision", precision), ("recall", recall), ("confidence", confidence)):
        if share is not None and not 0 < share < 1:
            raise InputError(f"the {name} is {share:g}", fix="give a share between 0 and 1, such as 0.95")
    pairs = labelled_pairs(matcher, data, task=task, columns=columns)
    scored = score_pairs(matcher, pairs, task=task, on_progress=on_progress)
    if not scored.n_matches:
        raise InputError(f"none of the {len(scored)} labelled pairs is a match", fix="give pairs of both labels")
    risk, ((kind, _),) = 1 - confidence, wanted
    cut = _cut(scored, precision=precision, recall=recall, costs=costs, risk=risk)
    promise = Promise(
        kind=kind,
        level=cut.level,
        confidence=confidence,
        n=len(scored),
        n_matches=scored.n_matches,
        precision=cut.counts.precision,
        recall=cut.counts.recall,
        costs=costs,
        made_on=date.today().isoformat(),
        fingerprint=scored.fingerprint,
    )
    fresh = {"threshold": cut.threshold, "n_examples": len(scored), "f1": None, "interval": None, "promise": promise}
    no_asking = {"ask_above": None, "ask_below": None, "ask_share": None}
    return matcher.matching.decision(task).model_copy(update=fresh | no_asking)


def base_rate_threshold(
    matcher: Matcher,
    data: Labelled,
    *,
    task: str,
    base_rate: float | None = None,
    unlabelled: Labelled | None = None,
    columns: Columns | None = None,
    on_progress: OnProgress | None = None,
) -> Decision:
    """Fits calibration and threshold of a standard for use where another share of the pairs are matches.

    Args:
        matcher: The matcher.
        data: Labelled pairs, of any share of matches.
        task: Name of the standard.
        base_rate: The share of matches in use.
        unlabelled: Pairs as they come in use, instead: the share is estimated from their scores.
        columns: Columns of the files by name.
        on_progress: Told how many pairs more have been scored.

    Returns:
        The standard's rule; ``base_rate`` says the share. A promise made before, which was for another threshold, and
        thresholds for asking are gone.

    Raises:
        InputError: Neither or both of ``base_rate`` and ``unlabelled`` are given, or all labels are one.
    """
    if (base_rate is None) == (unlabelled is None):
        raise InputError("the share of matches in use is to be given, or estimated", fix="give one of the two")
    pairs = labelled_pairs(matcher, data, task=task, columns=columns)
    (scores,) = score_split(matcher, {task: pairs}, on_progress=on_progress)
    if unlabelled is not None:
        if not 0 < scores.n_positive < len(scores):
            raise InputError("all labelled pairs have one label", fix="give pairs of both labels")
        texts = [(pair.text0, pair.text1) for pair in unlabelled_pairs(matcher, unlabelled, columns=columns)]
        calibration = platt_scaling(scores.labels, scores.logits)
        chances = calibration.probabilities(score_texts(matcher, texts, task=task, on_progress=on_progress))
        base_rate = estimated_base_rate(chances, made_at=scores.n_positive / len(scores))
    rules = {name: matcher.matching.decision(name) for name in scores.looser}
    return decision_at(scores, looser_verdict(scores, rules), base_rate=float(base_rate or 0.0))


def ask_threshold(
    matcher: Matcher,
    decision: Decision,
    data: Labelled,
    *,
    task: str,
    share: float,
    columns: Columns | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Decision, tuple[float, float, float]]:
    """Sets the two thresholds between which a person is asked, on labelled pairs.

    How likely each answer is wrong is read off probabilities that are calibrated on these labels.

    Args:
        matcher: The matcher.
        decision: The rule whose threshold they stand around; the matcher's own, or one made here.
        data: Labelled pairs, drawn like those to come.
        task: Name of the standard.
        share: Share of the pairs to ask about at most.
        columns: Columns of the file by name.
        on_progress: Told how many pairs more have been scored.

    Returns:
        The rule, and on these pairs the share that is asked about, the share of wrong answers before, and that among
        the pairs that are still answered.

    Raises:
        InputError: The share is not between 0 and 1.
    """
    ruled = Matcher(matcher.engine, matcher.pair_encoder, matcher.matching.with_decision(task, decision))
    pairs = labelled_pairs(ruled, data, task=task, columns=columns)
    scored = score_pairs(ruled, pairs, task=task, on_progress=on_progress)
    values = np.clip(scored.scores.astype(np.float64), 1e-7, 1 - 1e-7)
    log_odds = np.log(values) - np.log1p(-values)
    # What no threshold accepts says nothing of how sure the others are.
    is_open = scored.scores >= 0
    calibration = platt_scaling(scored.labels[is_open], log_odds[is_open]) if is_open.any() else Calibration()
    chances = calibration.probabilities(log_odds)
    made = asking(decision, scored.scores, share=share, chances=chances)
    asked = made.asks(scored.scores)
    wrong = (scored.scores >= np.float32(made.threshold)) != scored.labels
    left = float(wrong[~asked].mean()) if not asked.all() else 0.0
    return made, (float(asked.mean()), float(wrong.mean()), left)


def _by_kind(
    precision: float | None, recall: float | None, costs: tuple[float, float] | None
) -> list[tuple[PromiseKind, object]]:
    return [(PromiseKind.PRECISION, precision), (PromiseKind.RECALL, recall), (PromiseKind.COST, costs)]


def _cut(
    scored: ScoredPairs,
    *,
    precision: float | None,
    recall: float | None,
    costs: tuple[float, float] | None,
    risk: float,
) -> KeptCut:
    if precision is not None:
        return precision_cut(scored, level=precision, risk=risk)
    if recall is not None:
        return recall_cut(scored, level=recall, risk=risk)
    false_match, missed_match = costs or (0.0, 0.0)
    return cost_cut(scored, false_match=false_match, missed_match=missed_match, risk=risk)
