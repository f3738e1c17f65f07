"""The duty cycle of flooding: how much of the time the loss is below the level and the gradient turned around."""

from collections.abc import Iterable

from ..errors import InputError

__all__ = ["flooding_duty"]


def flooding_duty(losses: Iterable[float], *, level: float) -> float:
    """Returns the share of steps whose loss is below the level.

    0 means that flooding has not begun to act; about a half that the loss hovers at the level, where flooding works
    as a gradient penalty; close to 1 that steps upwards do not reach it, and the run climbs.

    Args:
        losses: The losses of some steps, before flooding.
        level: The level.

    Returns:
        Between 0 and 1.

    Raises:
        InputError: There is no loss.

    Example:
        >>> flooding_duty([0.3, 0.1, 0.2, 0.05], level=0.15)
        0.5

    Source: arXiv:2002.08709, kexue.fm/archives/7643.
    """
    losses = list(losses)
    if not losses:
        raise InputError("there is no loss to read a duty cycle from", fix="hand in those of at least one step")
    return sum(loss < level for loss in losses) / len(losses)
