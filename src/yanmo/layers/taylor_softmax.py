"""Taylor softmax and its cross-entropy: probabilities in proportion to an even Taylor polynomial of exp."""

from enum import Enum

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import chosen
from .taylor import check_even, log_taylor_polynomial, taylor_minimum

__all__ = ["TaylorCrossEntropy", "TaylorForm", "log_taylor_softmax", "taylor_softmax"]


class TaylorForm(str, Enum):
    """What becomes of logits left of the polynomial's minimum."""

    PLAIN = "plain"
    """The polynomial as it is: far enough left it rises again, and a very low logit is a likely class."""
    MONOTONE = "monotone"
    """Constant left of the minimum, so that a higher logit is never less likely; there the gradient is zero."""


def log_taylor_softmax(
    x: Float[Tensor, "*shape"], *, order: int, form: TaylorForm | str = TaylorForm.PLAIN, dim: int = -1
) -> Float[Tensor, "*shape"]:
    """``log p_i = log f_n(x_i) - log sum_j f_n(x_j)``.

    A logit of -inf, or of the lowest number of its dtype, is a mask: it has probability 0 and no gradient; where all
    are masked, all are 0. Any other low number is a logit: -1e9 is no mask, but, in the plain form, the likeliest.

    Args:
        x: Logits. Unlike softmax's they have a zero: adding a constant to all of them changes the result.
        order: The order ``n``, even.
        form: What becomes of logits left of the minimum.
        dim: Axis that the probabilities are shared over.

    Returns:
        Log-probabilities in the shape and dtype of ``x``; -inf where masked.

    Raises:
        InputError: The order is odd or out of range, or the form is none.

    Example:
        >>> log_taylor_softmax(torch.zeros(2), order=2).exp()
        tensor([0.5000, 0.5000])

    Source: kexue.fm/archives/7919; arXiv:1511.05042 for order 2.
    """
    masked = _is_masked(x)
    log_weight = _log_weight(x, masked, order=order, form=form, dim=dim)
    return F.log_softmax(log_weight, dim).masked_fill(masked, -torch.inf).to(x.dtype)


def taylor_softmax(
    x: Float[Tensor, "*shape"], *, order: int, form: TaylorForm | str = TaylorForm.PLAIN, dim: int = -1
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
    masked = _is_masked(x)
    return F.softmax(_log_weight(x, masked, order=order, form=form, dim=dim), dim).masked_fill(masked, 0).to(x.dtype)


class TaylorCrossEntropy(nn.Module):
    """Cross-entropy of Taylor softmax, used like ``torch.nn.CrossEntropyLoss``.

    Masks are those of ``log_taylor_softmax``: a masked target costs infinitely much. An example with nothing but masks
    says nothing: whatever its target, it costs the logarithm of the number of classes and has no gradient.

    Args:
        weight: One weight a class, or None.
        order: The order ``n``, even.
        form: What becomes of logits left of the minimum.
        ignore_index: Targets of this value count for nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        label_smoothing: Share of the target spread over all classes.

    Raises:
        InputError: The order is odd or out of range, or the form is none.

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
        form: TaylorForm | str = TaylorForm.PLAIN,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_even(order)
        self.weight: Tensor | None
        self.register_buffer("weight", weight)
        self.order = order
        self.form = chosen(TaylorForm, form, name="form")
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
        log_weight = _log_weight(
            logits, _is_masked(logits), order=self.order, form=self.form, dim=1 if logits.ndim > 1 else 0
        )
        # The softmax of log f_n is Taylor softmax, so that torch's own loss does the rest.
        loss = F.cross_entropy(
            log_weight,
            target.to(log_weight.dtype if target.is_floating_point() else torch.int64),
            None if self.weight is None else self.weight.to(log_weight.dtype),
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
        return loss.to(logits.dtype)


def _is_masked(x: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    return x <= torch.finfo(x.dtype).min


def _log_weight(
    x: Float[Tensor, "*shape"], masked: Bool[Tensor, "*shape"], *, order: int, form: TaylorForm | str, dim: int
) -> Float[Tensor, "*shape"]:
    """``log f_n``, -inf where masked, but 0 where the whole row is, so that its softmax and gradient are numbers."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32)).masked_fill(masked, 0)
    if chosen(TaylorForm, form, name="form") is TaylorForm.MONOTONE and order > 0:
        wide = wide.clamp_min(taylor_minimum(order).x)
    log_weight = log_taylor_polynomial(wide, order=order)
    return log_weight.masked_fill(masked & ~masked.all(dim, keepdim=True), -torch.inf)
