"""Whether a text has a vector of its own: where two texts do not meet in the encoder, it is the same beside any."""

import numpy as np

from ...errors import InputError
from ...tokenize import PairBudget, PairEncoder, PairLayout
from .engine import GivesTextVectors

__all__ = ["own_vector_width"]

_PROBE = ("今天下雨吗", "明天几点开会，在哪里开会", "好")
# Texts whose vectors beside two others differ by more than rounding meet in the encoder.
_ROUNDING = 0.02


def own_vector_width(
    engine: GivesTextVectors, encoder: PairEncoder, *, task: str, index: int, budget: PairBudget
) -> int:
    """Makes sure that texts have vectors of their own, by that of one text beside two others.

    Args:
        engine: Gives vectors.
        encoder: Texts to encoded pairs.
        task: Name of the standard that the vectors are wanted for, for the message.
        index: Index of the trained standard to try.
        budget: How pairs are read.

    Returns:
        Numbers of a vector.

    Raises:
        InputError: Both texts of a pair are read together, or the engine gives no vectors.
    """
    joint = InputError(
        f"the matcher reads both texts of a pair together, so that a text has no vector of its own under '{task}'",
        fix="take a matcher whose texts are encoded alone (layout sides, joint_from at the last layer), as default",
    )
    if encoder.layout is not PairLayout.SIDES:
        raise joint
    pairs = [encoder.encode((_PROBE[0], other), budget=budget) for other in _PROBE[1:]]
    # One call each: an engine may compute a text once that stands beside several others.
    one, other = (engine.vectors([pair], [index])[0, 0] for pair in pairs)
    if np.abs(one - other).max() > _ROUNDING * np.abs(one).max():
        raise joint
    return int(one.shape[-1])
