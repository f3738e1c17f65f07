"""Taylor softmax and its cross-entropy: probabilities in proportion to an even Taylor polynomial of exp."""

from enum import Enum

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .taylor import check_even, log_taylor_polynomial, taylor_minimum

__all__ = ["TaylorCrossEntropy", "TaylorForm", "log_taylor_softmax", "taylor_softmax"]


class TaylorForm(str, Enum):
    """What becomes of logits left of the polynomial's minimum."""

    PLAIN = "plain"
    """The polynomial as it is: far enough left it rises again, and a very low logit is a likely class."""
    MONOTONE = "monotone"
    """Constant left of the minimum, so that a higher logit is never less likely; there the gradient is zero."""


def log_taylor_softmax(
    x: Float[Tensor, "*shape"], *, order: int, form: TaylorForm = TaylorForm.PLAIN, dim: int = -1
) -> Float[Tensor, "*shape"]:
    """``log p_i = log f_n(x_i) - log sum_j f_n(x_j)``.

    Args:
        x: Logits. Unlike softmax's they have a zero: adding a constant to all of them changes the result.
        order: The order ``n``, even.
        form: What becomes of logits left of the minimum.
        dim: Axis that the probabilities are shared over.

    Returns:
        Log-probabilities in the shape and dtype of ``x``.

    Raises:
        InputError: The order is odd or out of range.

    Example:
        >>> log_taylor_softmax(torch.zeros(2), order=2).exp()
        tensor([0.5000, 0.5000])

    Source: kexue.fm/archives/7919; arXiv:1511.05042 for order 2.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.log_softmax(_log_weight(wide, order=order, form=form), dim).to(x.dtype)


def taylor_softmax(
    x: Float[Tensor, "*shape"], *, order: int, form: TaylorForm = TaylorForm.PLAIN, dim: int = -1
) -> Float[Tensor, "*shape"]:
    """``p_i = f_n(x_i) / sum_j f_n(x_j)``; arguments and errors as for ``log_taylor_softmax``.

    Args:
        x: Logits.
        order: The order ``n``, even.
        form: What becomes of logits left of the minimum.
        dim: Axis that the probabilities are shared over.

    Returns:
        Probabilities in the shape and dtype of ``x``.

    Example:
        >>> taylor_softmax(torch.tensor([-1.0, 1.0]), order=2)  # 0.5 and 2.5, over their sum
        tensor([0.1667, 0.8333])
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.softmax(_log_weight(wide, order=order, form=form), dim).to(x.dtype)


class TaylorCrossEntropy(nn.Module):
    """Cross-entropy of Taylor softmax, used like ``torch.nn.CrossEntropyLoss``.

    Args:
        weight: One weight a class, or None.
        order: The order ``n``, even.
        form: What becomes of logits left of the minimum.
        ignore_index: Targets of this value count for nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: Share of the target spread over all classes.

    Example:
        >>> loss = TaylorCrossEntropy(order=2)(torch.tensor([[-1.0, 1.0]]), torch.tensor([1]))
        >>> round(loss.item(), 4)  # -log(2.5 / 3.0)
        0.1823

    Source: kexue.fm/archives/7919.
    """

    def __init__(
        self,
        weight: Float[Tensor, " classes"] | None = None,
        *,
        order: int,
        form: TaylorForm = TaylorForm.PLAIN,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_even(order)
        self.weight: Tensor | None
        self.register_buffer("weight", weight)
        self.order = order
        self.form = form
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(
        self, logits: Float[Tensor, "*shape"], target: Int[Tensor, "*rows"] | Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*left"]:
        """Returns the loss.

        Args:
            logits: Shape [classes], [batch, classes] or [batch, classes, ...].
            target: Class numbers without the axis of classes, or probabilities in the shape of ``logits``.

        Returns:
            A scalar in the dtype of ``logits``, or one loss an example without reduction.
        """
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        # The softmax of log f_n is Taylor softmax, so that torch's own loss does the rest.
        loss = F.cross_entropy(
            _log_weight(wide, order=self.order, form=self.form),
            target if target.dtype == torch.int64 else target.to(wide.dtype),
            None if self.weight is None else self.weight.to(wide.dtype),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
        return loss.to(logits.dtype)


def _log_weight(x: Float[Tensor, "*shape"], *, order: int, form: TaylorForm) -> Float[Tensor, "*shape"]:
    if form is TaylorForm.MONOTONE and order > 0:
        x = x.clamp_min(taylor_minimum(order).x)
    return log_taylor_polynomial(x, order=order)
