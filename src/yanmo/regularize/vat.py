"""VAT: predictions that do not change in the direction in which they would change most; needs no labels."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError, chosen
from .backward import Backward, evaluate, gradients_of, plain_backward
from .direction import Scope, unit_direction
from .divergence import divergence
from .leaves import learning_tensors
from .randomness import RandomState
from .shift import restored, shift
from .strength import check_strength

__all__ = ["vat_backward"]


def vat_backward(
    logits_fn: Callable[[], Tensor],
    tensors: Iterable[Tensor],
    *,
    weight: float,
    epsilon: float,
    probe_length: float | None = None,
    n_iterations: int = 1,
    scope: Scope | str = Scope.WHOLE,
    divisor: float | None = None,
    backward: Backward = plain_backward,
) -> Float[Tensor, ""]:
    """Adds the gradient of ``weight * mean KL(p(x) || p(x + epsilon d))`` to ``.grad``, ``p(x)`` held fixed.

    ``d`` starts as a random direction and becomes, ``n_iterations`` times, the unit gradient of the divergence at
    ``x + probe_length d``: a power iteration for the direction of largest curvature. All passes drop the same
    components; otherwise the divergence would measure dropout. Call it after ``loss.backward()``.

    Args:
        logits_fn: Computes the batch's logits, [rows, classes].
        tensors: What is perturbed; unchanged afterwards.
        weight: Factor on the divergence; 0 does nothing.
        epsilon: Length of the perturbation, in the tensors' own unit; 0 does nothing.
        probe_length: Length of the steps that look for the direction, in the same unit; None takes epsilon, a
            divergence that half precision can still resolve, where the power iteration proper takes next to nothing.
        n_iterations: How often the direction is improved.
        scope: Whether lengths are those of the whole or of each example.
        divisor: What the sum over rows is divided by; None takes their number.
        backward: How a loss is carried back.

    Returns:
        The divergence without weight and graph; 0 where nothing was done.

    Raises:
        InputError: A strength is no number from 0 up, the scope is none, there is no iteration, the divergence is not
            finite, there is no tensor, one is no leaf that learns, or the logits are under reentrant checkpointing.

    Example:
        >>> x = torch.tensor([[1.0, 0.0]], requires_grad=True)
        >>> bool(vat_backward(lambda: x * 2, [x], weight=1.0, epsilon=0.5) > 0)
        True

    Source: arXiv:1704.03976, kexue.fm/archives/7466. With labels: ``fgm_backward``.
    """
    check_strength("weight", weight)
    check_strength("epsilon", epsilon)
    probe = epsilon if probe_length is None else probe_length
    check_strength("probe_length", probe)
    if n_iterations < 1:
        raise InputError(f"n_iterations is {n_iterations}, at least 1 was expected")
    scope, tensors = chosen(Scope, scope, name="scope"), learning_tensors(tensors)
    if weight == 0 or epsilon == 0:
        return torch.zeros(())
    directions = unit_direction([torch.randn_like(tensor) for tensor in tensors], scope=scope)
    state = RandomState.now()
    with torch.no_grad():
        reference = logits_fn()

    def distance() -> Tensor:
        state.restore()
        each = divergence(reference, logits_fn())
        return each.sum() / (each.numel() if divisor is None else divisor)

    for _ in range(n_iterations):
        with restored(tensors):
            shift(tensors, directions, length=probe)
            found = gradients_of(evaluate(distance), tensors)
        directions = unit_direction(found, scope=scope)
    with restored(tensors):
        shift(tensors, directions, length=epsilon)
        loss = evaluate(distance)
        backward(weight * loss)
    return loss.detach()
