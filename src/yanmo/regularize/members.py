"""Every regularizer by name, its strength and how it is run on a batch: for whatever checks or compares them all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from .backward import Backward, plain_backward
from .fgm import fgm_backward
from .finite_difference_penalty import finite_difference_penalty_backward
from .flooding import flooding_loss
from .gradient_penalty import gradient_penalty_loss
from .pgd import pgd_backward
from .r_drop import r_drop_loss
from .sam import sam_backward
from .vat import vat_backward

__all__ = ["MEMBERS", "Batch", "Member"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a regularizer may ask of one batch.

    Attributes:
        one_pass: Computes the loss and the logits, [rows, classes], anew.
        inputs: What adversarial regularizers move: the token table, or inputs that require a gradient.
        parameters: All that learns.
    """

    one_pass: Callable[[], tuple[Tensor, Tensor]]
    inputs: Iterable[Tensor]
    parameters: Iterable[Tensor]

    def loss(self) -> Tensor:
        """Computes the loss anew."""
        return self.one_pass()[0]

    def logits(self) -> Tensor:
        """Computes the logits anew."""
        return self.one_pass()[1]


@dataclass(frozen=True, slots=True)
class Member:
    """One regularizer.

    Attributes:
        title: What it is called, in Chinese and English.
        strength_name: What its strength is called.
        strength: One at which it bends the gradient of a small network visibly.
        n_passes: Times that it computes the loss, or the logits, at such a strength.
        step: Takes a batch, a strength and how a loss is carried back, and adds the whole gradient to ``.grad``: that
            of the batch's own loss too.
    """

    title: str
    strength_name: str
    strength: float
    n_passes: int
    step: Callable[[Batch, float, Backward], object]

    def run(self, batch: Batch, *, strength: float | None = None, backward: Backward = plain_backward) -> None:
        """Makes one step's gradient.

        Args:
            batch: The batch.
            strength: The strength; None takes the member's.
            backward: How a loss is carried back.

        Example:
            >>> import torch
            >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
            >>> batch = Batch(lambda: (x.square().sum() / 2, x[None]), [x], [x])
            >>> MEMBERS["fgm"].run(batch, strength=1.0)
            >>> x.grad
            tensor([3.3000, 4.4000])
        """
        self.step(batch, self.strength if strength is None else strength, backward)


def _fgm(batch: Batch, strength: float, backward: Backward) -> None:
    fgm_backward(batch.loss, batch.inputs, epsilon=strength, backward=backward)


def _pgd(batch: Batch, strength: float, backward: Backward) -> None:
    pgd_backward(batch.loss, batch.inputs, epsilon=strength, backward=backward)


def _vat(batch: Batch, strength: float, backward: Backward) -> None:
    backward(batch.loss())
    vat_backward(batch.logits, batch.inputs, weight=strength, epsilon=2.0, backward=backward)


def _input_penalty(batch: Batch, strength: float, backward: Backward) -> None:
    backward(gradient_penalty_loss(batch.loss, batch.inputs, weight=strength))


def _parameter_penalty(batch: Batch, strength: float, backward: Backward) -> None:
    backward(gradient_penalty_loss(batch.loss, batch.parameters, weight=strength))


def _finite_difference(batch: Batch, strength: float, backward: Backward) -> None:
    finite_difference_penalty_backward(batch.loss, batch.parameters, weight=strength, backward=backward)


def _sam(batch: Batch, strength: float, backward: Backward) -> None:
    sam_backward(batch.loss, batch.parameters, rho=strength, backward=backward)


def _flooding(batch: Batch, strength: float, backward: Backward) -> None:
    backward(flooding_loss(batch.loss(), level=strength))


def _r_drop(batch: Batch, strength: float, backward: Backward) -> None:
    backward(r_drop_loss(batch.one_pass, weight=strength))


MEMBERS = MappingProxyType(
    {
        "fgm": Member("FGM", "epsilon", 1.0, 2, _fgm),
        "pgd": Member("PGD", "epsilon", 1.0, 4, _pgd),
        "vat": Member("VAT", "weight", 3.0, 4, _vat),
        "input_penalty": Member("输入梯度惩罚 input penalty", "weight", 2.0, 1, _input_penalty),
        "parameter_penalty": Member("参数梯度惩罚 parameter penalty", "weight", 0.5, 1, _parameter_penalty),
        "finite_difference_penalty": Member("同上，差分 finite difference", "weight", 0.5, 2, _finite_difference),
        "sam": Member("SAM", "rho", 0.5, 2, _sam),
        "flooding": Member("Flooding", "level", 100.0, 1, _flooding),
        "r_drop": Member("R-Drop", "weight", 2.0, 2, _r_drop),
    }
)
"""All of them, by name."""
