"""R-Drop: two dropouts of one batch should predict the same."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from .backward import evaluate
from .divergence import divergence
from .strength import check_strength

__all__ = ["r_drop_loss"]


def r_drop_loss(
    pass_fn: Callable[[], tuple[Tensor, Tensor]], *, weight: float, divisor: float | None = None
) -> Float[Tensor, ""]:
    """``(L_0 + L_1) / 2 + weight * mean (KL(p_0 || p_1) + KL(p_1 || p_0)) / 2`` over two passes.

    Without dropout (or other noise) in the model both passes are the same, and this is the plain loss.

    Args:
        pass_fn: Computes the batch's loss and its logits, [rows, classes], with other dropout in every call.
        weight: Factor on the divergence; 0 is the plain loss, in one pass.
        divisor: What the sum over rows is divided by; None takes their number.

    Returns:
        The loss to carry back.

    Raises:
        InputError: The strength is no number from 0 up, a loss is not finite, or the divergence is not, as where only
            one of the passes gives a class a logit of -inf.

    Example:
        >>> import torch
        >>> passes = iter([torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 1.0]])])
        >>> r_drop_loss(lambda: (torch.tensor(1.0), next(passes)), weight=2.0)
        tensor(1.2311)

    Source: arXiv:2106.14448, kexue.fm/archives/8496. Against a perturbation instead of dropout: ``vat_backward``.
    """
    check_strength("weight", weight)
    made: list[Tensor] = []

    def one_pass() -> Tensor:
        loss, logits = pass_fn()
        made.append(logits)
        return loss

    loss = evaluate(one_pass)
    if weight == 0:
        return loss
    loss = (loss + evaluate(one_pass)) / 2
    each = (divergence(made[0], made[1]) + divergence(made[1], made[0])) / 2
    return evaluate(lambda: loss + weight * each.sum() / (each.numel() if divisor is None else divisor))
