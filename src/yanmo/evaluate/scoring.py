"""From a matcher and labelled pairs to what evaluation starts from."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..errors import InputError
from ..match.matcher import Matcher
from ..match.pair import Pair
from .scores import TaskScores

__all__ = ["score_split"]

_CHUNK = 256


def score_split(
    matcher: Matcher, split: Mapping[str, Sequence[Pair]], *, on_progress: Callable[[int], None] | None = None
) -> list[TaskScores]:
    """Scores the labelled pairs of every task.

    Args:
        matcher: The matcher.
        split: The pairs of each task, by its name.
        on_progress: Told the pairs done, after every few hundred.

    Returns:
        Labels and logits of each task, in the order of ``split``.

    Raises:
        InputError: A pair has no label, the matcher does not know a task, or a logit is not finite.
    """
    made, n_done = [], 0
    for name, pairs in split.items():
        if any(pair.label is None for pair in pairs):
            raise InputError(f"task '{name}' has pairs without a label", fix="read the split with labels")
        logits = np.empty(len(pairs), dtype=np.float32)
        # Shortest first, so that batches waste no tokens however few pairs stand between two words on the progress.
        order = np.argsort([len(pair.text0) + len(pair.text1) for pair in pairs], kind="stable")
        for rows in np.array_split(order, -(-len(pairs) // _CHUNK)):
            texts = [(pairs[i].text0, pairs[i].text1) for i in rows.tolist()]
            logits[rows] = matcher.logits(texts, task=name)
            n_done += len(rows)
            if on_progress is not None:
                on_progress(n_done)
        standard = matcher.matching.task_set.task(name).standard
        made.append(TaskScores(name, standard, np.array([pair.label for pair in pairs]), logits, pairs=pairs))
    return made
