"""Labels worth a second look: those that a model which never saw them contradicts, and those that contradict others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.pair import Pair
from ..errors import InputError
from ..match.matcher import Matcher
from .audit_features import PairFeatures, alikeness, read_features
from .audit_model import out_of_fold_logits
from .audit_structure import LabelStructure, Triangle, read_structure

__all__ = ["Audit", "Likeness", "Suspect", "audit_columns", "audit_labels", "label_doubts"]

_ENOUGH = 20  # labelled pairs of each kind, from which on something is learned from the labels themselves
_N_COMPONENTS = 32
_PENALTY = 1.0
_COMPONENT_PENALTIES = (1.0, 8.0)  # of which the labels themselves choose, out of fold
_N_ALIKE = 2  # pairs and contradictions that are shown beside a suspect, of each kind


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another pair, and how alike it is.

    Attributes:
        row: Its row.
        likeness: From -1 to 1.
    """

    row: int
    likeness: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        row: Its row among the pairs, from 0.
        label: The label as it is, 1 or 0.
        suggested: The other one.
        doubt: Probability that the label is wrong, told without it.
        agreeing: The pairs most like it that bear its label.
        disagreeing: The pairs most like it that bear the other one.
        triangles: Contradictions over three pairs that it takes part in.
        disputed: Rows of the same pair with the other label.
    """

    row: int
    label: int
    suggested: int
    doubt: float
    agreeing: tuple[Likeness, ...]
    disagreeing: tuple[Likeness, ...]
    triangles: tuple[Triangle, ...]
    disputed: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit of labels found.

    Attributes:
        task: Name of the standard.
        title: What people are shown.
        pairs: The labelled pairs.
        labels: Whether each is called a match, bool[n].
        doubts: Of each pair the probability that its label is wrong, float64[n].
        suspects: The labels most in doubt, the worst first.
        structure: What the labels say of each other.
        expected_rate: Share of matches by the probabilities that were told without the labels.
        base_rate: Share of matches where the standard is used, if it is known.
        is_learned: Whether a model was fitted on the labels, out of fold; else too few are there, and the matcher's
            own probability is taken.
    """

    task: str
    title: str
    pairs: Sequence[Pair]
    labels: NDArray[np.bool_]
    doubts: NDArray[np.float64]
    suspects: list[Suspect]
    structure: LabelStructure
    expected_rate: float
    base_rate: float | None
    is_learned: bool

    @property
    def label_rate(self) -> float:
        """Share of matches among the labels."""
        return float(self.labels.mean())

    @property
    def n_contradicted(self) -> int:
        """Labels that are rather wrong than right, by what was told without them."""
        return int(np.count_nonzero(self.doubts > 0.5))


def audit_labels(
    matcher: Matcher,
    pairs: Sequence[Pair],
    *,
    task: str,
    beside: Sequence[str] = (),
    n_suspects: int = 50,
    on_progress: Callable[[int], None] | None = None,
) -> Audit:
    """Finds the labels of pairs that are probably wrong.

    Each pair is judged by a small model that was fitted without it (five folds), on the matcher's probability, the
    vectors of both texts and the labels of pairs that share a text with it: so labels can be audited that the matcher
    itself was trained on, as far as it has not learned them by heart.

    Args:
        matcher: The matcher.
        pairs: Labelled pairs, as `yanmo.data.read_pairs` gives them.
        task: The standard they are labelled by.
        beside: Other standards whose probabilities may help to tell.
        n_suspects: So many labels are shown with their reasons, at most.
        on_progress: Told after every few hundred pairs how many more are scored.

    Returns:
        What was found.

    Raises:
        InputError: There is no pair, a pair has no label or a soft one, or a standard is unknown.
    """
    if not pairs:
        raise InputError("there is no labelled pair to audit", fix="give a file with texts and labels")
    for pair in pairs:
        if pair.label not in (0, 1):
            problem = f"the label is {pair.label}, and an audit needs 0 or 1"
            raise InputError(problem, where=pair.source, line=pair.line, fix="give labels that people chose")
    if n_suspects < 1:
        raise InputError(f"{n_suspects} suspects cannot be shown", fix="give 1 or more")
    described = matcher.matching.task_set.task(task)
    texts = [(pair.text0, pair.text1) for pair in pairs]
    labels = np.array([pair.label == 1 for pair in pairs], dtype=np.bool_)
    structure = read_structure(texts, labels, symmetric=described.symmetric)
    features = read_features(matcher, texts, task=task, beside=beside, on_progress=on_progress)
    probabilities, is_learned = label_doubts(features, labels, structure, symmetric=described.symmetric)
    doubts = np.where(labels, 1 - probabilities, probabilities)
    order = np.argsort(-doubts, kind="stable")[:n_suspects]
    alike = alikeness(features, symmetric=described.symmetric)
    suspects = [_suspect(row, labels, doubts, structure, alike) for row in order.tolist()]
    return Audit(
        task,
        described.title,
        pairs,
        labels,
        doubts,
        suspects,
        structure,
        float(probabilities.mean()),
        described.base_rate,
        is_learned,
    )


def label_doubts(
    features: PairFeatures, labels: NDArray[np.bool_], structure: LabelStructure, *, symmetric: bool
) -> tuple[NDArray[np.float64], bool]:
    """Says how probable a match is for each pair, by a model that its own label did not enter.

    ``logit = log-odds of the matcher + columns @ w + b``, so that with few labels, or columns of no use, the matcher's
    own probability is what remains. The columns: that log-odds again, those under other standards, the labels of pairs
    that share texts with this one, and the main components of ``|u - v|`` and ``u * v`` of the texts' vectors.

    Args:
        features: What the matcher says of the pairs.
        labels: Their labels, bool[n].
        structure: What the labels say of each other.
        symmetric: Whether a pair and its swap are one question.

    Returns:
        Probabilities of a match, float64[n], and whether anything was learned from the labels.
    """
    n_kinds = min(np.count_nonzero(labels), np.count_nonzero(~labels))
    if n_kinds < _ENOUGH:
        return _sigmoid(features.log_odds), False
    columns, n_components = audit_columns(features, structure, symmetric=symmetric)
    tried = []
    for strength in _COMPONENT_PENALTIES:
        penalty = np.full(columns.shape[1], _PENALTY)
        penalty[-n_components:] = strength
        tried.append(
            out_of_fold_logits(columns, labels, penalty=penalty, group=structure.group, offset=features.log_odds)
        )
    # log(1 + exp(-z)) of what the label says, summed: the log loss.
    losses = [np.logaddexp(0.0, np.where(labels, -logits, logits)).sum() for logits in tried]
    return _sigmoid(tried[int(np.argmin(losses))]), True


def audit_columns(
    features: PairFeatures, structure: LabelStructure, *, symmetric: bool
) -> tuple[NDArray[np.float64], int]:
    """Gives the inputs of the small model, of about unit size.

    Args:
        features: What the matcher says of the pairs.
        structure: What the labels say of each other.
        symmetric: Whether a pair and its swap are one question.

    Returns:
        Columns, float64[n, k]: log-odds, those of other standards, the votes of other labels, components of the
        vectors; and how many of them, at the end, are components.
    """
    known = np.column_stack([features.log_odds, features.beside])
    known = (known - known.mean(0)) / np.maximum(known.std(0), 1e-9)
    u, v = features.vectors[:, 0], features.vectors[:, 1]
    parts = _components(np.hstack([np.abs(u - v) if symmetric else u - v, u * v]))
    return np.hstack([known, structure.votes, parts]), parts.shape[1]


def _components(columns: NDArray[np.float32]) -> NDArray[np.float64]:
    """The main components of columns, the first of unit size and the others as much smaller as they are."""
    centered = columns - columns.mean(0)
    sizes, directions = np.linalg.eigh((centered.T @ centered / len(centered)).astype(np.float64))
    kept = directions[:, ::-1][:, : min(_N_COMPONENTS, len(columns) // 4)].astype(np.float32)
    components: NDArray[np.float64] = (centered @ kept).astype(np.float64) / np.sqrt(max(float(sizes[-1]), 1e-12))
    return components


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    p: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -z))
    return p


def _suspect(
    row: int,
    labels: NDArray[np.bool_],
    doubts: NDArray[np.float64],
    structure: LabelStructure,
    alike: NDArray[np.float32],
) -> Suspect:
    likeness = alike @ alike[row]
    likeness[structure.group == structure.group[row]] = -np.inf  # the same pair is no other one

    def nearest(kind: bool) -> tuple[Likeness, ...]:
        rows = np.flatnonzero((labels == kind) & np.isfinite(likeness))
        best = rows[np.argsort(-likeness[rows], kind="stable")[:_N_ALIKE]]
        return tuple(Likeness(other, float(likeness[other])) for other in best.tolist())

    label = bool(labels[row])
    return Suspect(
        row,
        int(label),
        int(not label),
        float(doubts[row]),
        nearest(label),
        nearest(not label),
        tuple(triangle for triangle in structure.triangles if row in triangle.rows)[:_N_ALIKE],
        tuple(other for rows in structure.disputed if row in rows for other in rows if labels[other] != label),
    )
