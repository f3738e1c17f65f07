"""What gradient descent of a finite rate minimizes beside the loss: ``(rate / 4) |grad L|^2``, read from a step."""

import torch
from torch.optim import SGD, Optimizer

from .layer_gradients import check_factor

__all__ = ["implicit_regularization", "optimizer_caveat"]


@torch.no_grad()
def implicit_regularization(optimizer: Optimizer, *, factor: float = 1.0) -> float:
    """Returns ``sum over parameters of (rate / 4) * |g|^2`` from the gradients that wait for the next step.

    Gradient descent of rate ``r`` follows the gradient flow of ``L + (r/4) |grad L|^2`` to second order; where groups
    have rates of their own, each counts with its own (in coordinates ``x / sqrt(r)`` the rate is 1 for all). Read it
    after the backward pass and before gradients are clipped. From a batch it is the batch's. A float16 scaler's
    gradients are too long by its factor: read after ``scaler.unscale_(optimizer)``, or hand in the factor.

    Args:
        optimizer: Its groups give parameters and rates.
        factor: What the gradients are still multiplied by: ``scaler.get_scale()`` before ``unscale_``, 1 after it.

    Returns:
        The reading, in the loss's own unit; not finite where a gradient is not, and the scaler skips the step.

    Raises:
        InputError: The factor is not above 0.

    Example:
        >>> x = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
        >>> x.square().sum().div(2).backward()
        >>> implicit_regularization(SGD([x], lr=0.04))
        0.25

    Source: kexue.fm/archives/7787; arXiv:2009.11162.
    """
    check_factor(factor)
    reading = 0.0
    for group in optimizer.param_groups:
        squares = [p.grad.float().div(factor).norm().square() for p in group["params"] if p.grad is not None]
        if squares:
            reading += float(group["lr"]) / 4 * torch.stack(squares).sum().item()
    return reading


def optimizer_caveat(optimizer: Optimizer) -> str | None:
    """Says what the reading does not mean with this optimizer.

    Args:
        optimizer: The optimizer, unwrapped.

    Returns:
        One sentence; None for plain gradient descent, of which the reading is the theorem.

    Example:
        >>> optimizer_caveat(SGD([torch.zeros(1, requires_grad=True)], lr=0.1)) is None
        True
    """
    name = type(optimizer).__name__
    if not isinstance(optimizer, SGD):
        return (
            f"{name} does not step by rate * gradient, so (rate/4)|grad L|^2 is not what bends its path; "
            "read it as the squared gradient norm, in the loss's unit"
        )
    for group in optimizer.param_groups:
        if group["momentum"]:
            return (
                f"with momentum {group['momentum']} a gradient moves the parameters by rate / (1 - momentum) in all; "
                "the reading is that of gradient descent without it"
            )
        if group["weight_decay"]:
            return "with weight decay the loss that is descended holds the decay too; the reading leaves it out"
    return None
