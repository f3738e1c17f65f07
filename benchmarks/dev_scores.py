"""Dev pairs of several standards scored once by a matcher, and kept: what the studies of thresholds start from."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yanmo.data import read_split
from yanmo.evaluate import score_split
from yanmo.match import open_matcher

__all__ = ["STANDARDS", "DevScores", "dev_scores"]

STANDARDS = ("law", "question", "medical", "bank", "health", "assistant", "intent", "finance")
"""Standards with some hundred dev pairs or more, from 30 to 53 % matches; none implies another of them."""

_AT_MOST = 600


@dataclass(frozen=True, slots=True, eq=False)
class DevScores:
    """The dev pairs of one standard."""

    labels: NDArray[np.bool_]
    """True is a match, shape [n]."""
    logits: NDArray[np.float64]
    """Raw logits, shape [n]."""

    @property
    def share(self) -> float:
        """Share of matches."""
        return float(self.labels.mean())


def dev_scores(data: Path, cache: Path, *, model: str = "default") -> dict[str, DevScores]:
    """Scores 600 dev pairs of each of ``STANDARDS`` (all, where there are fewer), or takes what an earlier call left.

    Args:
        data: Folder with the tasks' folders.
        cache: Folder where scores are kept, one file a standard and matcher.
        model: The matcher.

    Returns:
        Labels and logits by standard.
    """
    folder = resources.files("yanmo.assets") / "default" if model == "default" else Path(model)
    digest = hashlib.sha256((folder / "files.json").read_bytes()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in STANDARDS:
        path = cache / f"{name}-{digest}.npz"
        if not path.is_file():
            matcher = open_matcher(model)
            pairs = read_split(data, matcher.matching.task_set.subset([name]), "valid")[name]
            chosen = np.random.default_rng(0).permutation(len(pairs))[:_AT_MOST]
            (scores,) = score_split(matcher, {name: [pairs[i] for i in np.sort(chosen)]})
            np.savez(path, labels=scores.labels, logits=scores.logits)
            print(name, len(scores), flush=True)
        with np.load(path) as kept:
            found[name] = DevScores(kept["labels"], kept["logits"])
    return found
