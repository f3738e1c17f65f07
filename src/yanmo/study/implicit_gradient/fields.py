"""The vector fields whose flows gradient descent of a finite rate follows: to first, second and third order."""

from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import chosen
from ...probe import sharpness

__all__ = ["Field", "Flow", "Loss", "asymmetry", "descent_field", "sharpness_at"]

Loss: TypeAlias = Callable[[Tensor], Tensor]
"""A smooth function of one flat vector of parameters."""
Field: TypeAlias = Callable[[Tensor], Tensor]
"""The velocity at a point."""


class Flow(IntEnum):
    """How many terms in the rate a field has beside the gradient of the loss."""

    PLAIN = 0
    MODIFIED = 1
    NEXT_ORDER = 2

    @property
    def expected_slope(self) -> float:
        """The power of the rate with which one step of gradient descent leaves this flow."""
        return self.value + 2.0


def descent_field(loss: Loss, *, rate: float, flow: Flow | int) -> Field:
    """Returns ``f``, ``f + g f_1`` or ``f + g f_1 + g^2 f_2``: ``g`` the rate, ``f = -grad L``.

    A step ``x(t + g) - x(t) = g f(x(t))`` is ``(e^(gD) - 1) x = g f`` with ``D = d/dt``, so that the smooth path
    through the steps obeys::

        x' = gD / (e^(gD) - 1) f(x) = f - (g/2) Df + (g^2/12) D^2 f - ...

    ``Df = f'x'`` along the path itself. In the second term ``x' = f - (g/2) f'f`` is needed, in the third ``x' = f``::

        f_1 = -1/2 f'f                                  = -grad (1/4) |grad L|^2
        f_2 = 1/4 f'f'f + 1/12 (f''(f,f) + f'f'f)       = 1/3 f'f'f + 1/12 f''(f,f)

    ``f_1`` belongs to the loss ``L + (g/4) |grad L|^2``. With ``H`` the second and ``T`` the third derivative of ``L``,
    ``f_2 = -1/3 H H grad L - 1/12 T(grad L, grad L)``; a gradient would need the two in the ratio 2 : 1, so there is
    in general no loss whose flow gradient descent follows one order further (see ``asymmetry``).

    Args:
        loss: The loss, three times differentiable by torch.
        rate: Of gradient descent.
        flow: Which terms.

    Returns:
        The field, at one point at a time.

    Example:
        >>> x = torch.tensor([2.0], dtype=torch.float64)
        >>> descent_field(lambda x: (x**2).sum() / 2, rate=0.3, flow=Flow.NEXT_ORDER)(x)  # -x (1 + 0.3/2 + 0.09/3)
        tensor([-2.3600], dtype=torch.float64)

    Source: kexue.fm/archives/7787; arXiv:2009.11162 for ``f_1``.
    """
    flow = chosen(Flow, flow, name="flow")

    def velocity(x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            slope = _derivative(loss(x), x)
            if flow is Flow.PLAIN:
                return -slope.detach()
            v = -slope.detach()
            bend = _derivative(-slope @ v, x)  # f'f
            slower = v - rate / 2 * bend.detach()
            if flow is Flow.MODIFIED:
                return slower
            twice = _derivative(-slope @ bend.detach(), x)  # f'f'f
            turn = _derivative(bend @ v, x)  # f''(f,f)
            return slower + rate**2 * (twice / 3 + turn / 12).detach()

    return velocity


def sharpness_at(loss: Loss, point: Float[Tensor, " n"]) -> float:
    """Returns the largest eigenvalue of the second derivative at a point; see ``yanmo.probe.sharpness``."""
    x = point.detach().requires_grad_()
    return sharpness(lambda: loss(x), [x], tolerance=1e-4).value


def asymmetry(field: Field, point: Float[Tensor, " n"], *, step: float = 1e-5) -> float:
    """Returns ``|J - J^T| / |J|`` of a field's Jacobian ``J``: 0 if and only if it is a gradient there.

    Args:
        field: The field.
        point: Where, float64.
        step: Of the central differences.

    Returns:
        A number from 0 to 2.

    Example:
        >>> round(asymmetry(lambda x: torch.stack([-x[1], x[0]]), torch.ones(2, dtype=torch.float64)), 6)  # a rotation
        2.0
    """
    steps = step * torch.eye(len(point), dtype=point.dtype)
    jacobian = torch.stack([(field(point + h) - field(point - h)) / (2 * step) for h in steps])
    return float((jacobian - jacobian.mT).norm() / jacobian.norm())


def _derivative(value: Float[Tensor, ""], x: Tensor) -> Tensor:
    """The gradient, differentiable again; of a constant, such as a quadratic loss's curvature, zero."""
    if not value.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(value, x, create_graph=True)[0]
