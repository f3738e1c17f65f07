"""The threshold of the highest F1 to be expected where pairs have probabilities and no labels."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["expected_f1_threshold"]


def expected_f1_threshold(probabilities: NDArray[np.float64]) -> tuple[float, float]:
    """Finds the threshold at which F1 is expected to be highest, if the probabilities mean what they say.

    Of the ``k`` likeliest pairs taken for matches the expectation is about ``2 sum_{i <= k} p_i / (k + sum p)``. Where
    few pairs match it lies below one half, where a plain decision would accept hardly any.

    Args:
        probabilities: Of a match, of pairs like those to come, at least one, shape [n].

    Returns:
        The threshold, halfway between the last pair taken and the next, and the F1 expected.

    Example:
        >>> threshold, f1 = expected_f1_threshold(np.array([0.4, 0.3, 0.05, 0.05, 0.0]))
        >>> round(threshold, 3), round(f1, 3)
        (0.175, 0.5)

    Source: Lipton, Elkan and Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure, arXiv:1402.1892.
    """
    ordered = np.sort(probabilities)[::-1]
    f1 = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + ordered.sum())
    last = int(np.argmax(f1))
    below = ordered[last + 1] if last + 1 < len(ordered) else 0.0
    return float((ordered[last] + below) / 2), float(f1[last])
