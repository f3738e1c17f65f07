"""Training pairs that are validation pairs as well, under whatever task, are left out of training."""

from collections.abc import Mapping, Sequence

from ...data.pair import Pair
from ...errors import InputError

__all__ = ["without_overlap"]


def without_overlap(
    training: Mapping[str, Sequence[Pair]], validation: Mapping[str, Sequence[Pair]]
) -> tuple[dict[str, list[Pair]], int]:
    """Leaves out every training pair whose two texts, in either order, are a validation pair of any task.

    One pair is often labelled under several standards and split for each by itself, so that a validation pair of one
    task is a training pair of another. A model that serves both has then seen the pair with all but its answer.

    Args:
        training: Training pairs of each task, by its name.
        validation: Validation pairs of each task, by its name.

    Returns:
        The pairs to train on, and the number left out.

    Raises:
        InputError: All pairs of a task are validation pairs.
    """
    judged = {frozenset((pair.text0, pair.text1)) for pairs in validation.values() for pair in pairs}
    kept = {
        name: [pair for pair in pairs if frozenset((pair.text0, pair.text1)) not in judged]
        for name, pairs in training.items()
    }
    for name, pairs in kept.items():
        if training[name] and not pairs:
            fix = "validate on other pairs than those trained on, or with none"
            raise InputError(f"all {len(training[name])} training pairs of '{name}' are validation pairs", fix=fix)
    return kept, sum(map(len, training.values())) - sum(map(len, kept.values()))
