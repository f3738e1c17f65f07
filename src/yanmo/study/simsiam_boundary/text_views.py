"""Views of Chinese snippets for the linear networks: n-grams left out by chance, along the main directions of texts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..classification_tasks import ClassificationTask, features
from .networks import Views

__all__ = ["TextViews", "text_views"]


@dataclass(frozen=True, slots=True, eq=False)
class TextViews:
    """Snippets along their principal directions, and what leaving n-grams out does along each.

    Attributes:
        counts: Scaled counts of n-grams, float64[n, buckets].
        directions: Principal directions of the counts, float64[buckets, width].
        strengths: Variance over texts along each, the largest being 1, float64[width].
        noises: Variance over views of a text along each, in multiples of its strength, float64[width].
        keep: Share of the n-grams that a view keeps.
    """

    counts: NDArray[np.float64]
    directions: NDArray[np.float64]
    strengths: NDArray[np.float64]
    noises: NDArray[np.float64]
    keep: float

    def draw(self, *, batch: int, seed: int) -> Views:
        """Gives batches of two views each, centered.

        Args:
            batch: Texts of a batch.
            seed: Of texts and views.

        Returns:
            What the networks draw from.
        """
        rng, mean = np.random.default_rng(seed), self.counts.mean(0)

        def views(_: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            rows = self.counts[rng.integers(len(self.counts), size=batch)]
            first, second = (
                (rows * (rng.random(rows.shape) < self.keep) / self.keep - mean) @ self.directions for _ in range(2)
            )
            return first, second

        return views


def text_views(task: ClassificationTask, *, width: int, keep: float) -> TextViews:
    """Prepares the snippets of a task.

    Args:
        task: Snippets as numbers of n-grams.
        width: Principal directions kept.
        keep: Share of the n-grams that a view keeps.

    Returns:
        The snippets.
    """
    counts = features(task, n_buckets=512).numpy().astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(counts, rowvar=False))
    directions, largest = vectors[:, ::-1][:, :width], values[-1]
    # A view multiplies each count by 0 or 1/keep, which has the variance (1 - keep)/keep.
    lost = (counts**2).mean(0) * (1 - keep) / keep
    noise = (directions**2 * lost[:, None]).sum(0)
    strengths = values[::-1][:width]
    return TextViews(counts / np.sqrt(largest), directions, strengths / largest, noise / strengths, keep)
