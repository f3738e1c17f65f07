"""Dropout whose random numbers are cheap on a CPU, where torch draws one after the other."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Dropout"]

# Components that share one random number of 64 bits, and the values that each part of it takes.
_LANES = 4
_VALUES = 1 << 16


class Dropout(nn.Dropout):
    """Sets components to zero at random while training and scales the others up.

    ``y = x * keep / P(keep)``. On a CPU four components share one random number, 16 bits each, so that ``P(keep)`` is
    the nearest multiple of ``2^-16``: torch's own takes one number a component from one thread, which in training is as
    much as several per cent of all time. Elsewhere it is torch's own.

    Args:
        p: Probability of zero.

    Source: Srivastava et al., Dropout, JMLR 15 (2014).
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def forward(self, input: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:  # noqa: A002 - nn.Dropout's name
        """Returns ``input`` with components dropped, or itself outside training."""
        if not self.training or self.p in (0.0, 1.0) or input.device.type != "cpu":
            return super().forward(input)
        n_zero = min(round(self.p * _VALUES), _VALUES - 1)
        draws = torch.empty(-(-input.numel() // _LANES), dtype=torch.int64).random_(-(1 << 63), None)
        lanes = draws.view(torch.int16)[: input.numel()].view(input.shape)
        noise = (lanes >= n_zero - _VALUES // 2).to(input.dtype)
        return input * noise.mul_(_VALUES / (_VALUES - n_zero))
