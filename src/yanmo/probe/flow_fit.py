"""From the norms of a gradient at growing distances to a rate, a half-life and a verdict."""

import math
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = ["FlowLimits", "FlowVerdict", "GradientFlow", "fit_flow"]


class FlowVerdict(str, Enum):
    """What happens to the gradient on its way over the measured length."""

    VANISHING = "vanishing"
    STEADY = "steady"
    EXPLODING = "exploding"


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """How far a gradient must shrink or grow over the longest distance to count as vanishing or exploding.

    Attributes:
        vanishing: At the longest distance, at most this share of the gradient is left. The default, a thousandth, is
            below the sampling noise of any usual batch, so what lies that far back cannot be learned from.
        exploding: At the longest distance, the gradient is at least so many times larger.
    """

    vanishing: float = 1e-3
    exploding: float = 1e3

    def __post_init__(self) -> None:
        if not 0 < self.vanishing < 1 < self.exploding:
            raise InputError(
                f"limits {self.vanishing:g} and {self.exploding:g} were given, expected 0 < vanishing < 1 < exploding"
            )


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """How a gradient shrinks or grows on its way back, as ``recurrent_flow`` and ``layer_flow`` measure it.

    Attributes:
        log_norms: Natural logarithm of ``|d state_T / d state_t|`` relative to that of the identity, at distance
            ``T - t`` = 0, 1, ..., T; 0 means that the gradient arrives as large as it set out.
        rate: Factor a step (or layer) of the fitted exponential.
        half_life: Steps in which the fitted norm halves, or doubles if the rate is above 1; infinite at rate 1.
        r_squared: Share of the variance of ``log_norms`` that the exponential explains.
        verdict: From the last of ``log_norms`` and the limits.
    """

    log_norms: Float[Tensor, " distances"]
    rate: float
    half_life: float
    r_squared: float
    verdict: FlowVerdict

    def readings(self, name: str = "recurrent") -> dict[str, float]:
        """Returns the numbers for a tracker under a name; ``log10_change`` is what is left at the longest distance."""
        numbers = {
            "rate": self.rate,
            "half_life": self.half_life,
            "r_squared": self.r_squared,
            "log10_change": self.log_norms[-1].item() / math.log(10),
        }
        return {f"{name}/{key}": value for key, value in numbers.items()}


def fit_flow(log_norms: Float[Tensor, " distances"], *, limits: FlowLimits | None = None) -> GradientFlow:
    """Fits ``|d state_T / d state_t| = a * rate^(T - t)`` by least squares in logarithms, with a verdict.

    Args:
        log_norms: Natural logarithms of the norms at distance 0, 1, ..., relative to distance 0; ``-inf`` where nothing
            arrives (those are left out of the fit).
        limits: Where steady ends; None takes the defaults.

    Returns:
        The norms, the fit and the verdict. If nothing arrives at any distance but 0, the rate is 0.

    Raises:
        InputError: There are fewer than two distances.

    Example:
        >>> flow = fit_flow(math.log(0.5) * torch.arange(9.0, dtype=torch.float64))
        >>> round(flow.rate, 6), round(flow.half_life, 6), flow.verdict.value
        (0.5, 1.0, 'steady')
    """
    limits = limits or FlowLimits()
    if len(log_norms) < 2:
        raise InputError(f"{len(log_norms)} distances were given, expected two or more", fix="use longer sequences")
    end = log_norms[-1].item()
    verdict = FlowVerdict.STEADY
    if end <= math.log(limits.vanishing):
        verdict = FlowVerdict.VANISHING
    elif end >= math.log(limits.exploding):
        verdict = FlowVerdict.EXPLODING
    arrives = log_norms.isfinite()
    distance = torch.arange(len(log_norms), dtype=log_norms.dtype)[arrives]
    norms = log_norms[arrives]
    if len(norms) < 2:
        return GradientFlow(log_norms=log_norms, rate=0.0, half_life=0.0, r_squared=math.nan, verdict=verdict)
    centered = distance - distance.mean()
    slope = (centered @ norms / (centered @ centered)).item()
    total = (norms - norms.mean()).square().sum().item()
    left = (norms - norms.mean() - slope * centered).square().sum().item()
    # A gradient that never changes leaves only rounding to explain.
    r_squared = 1 - left / total if total > 1e-18 * len(norms) else 1.0
    half_life = math.log(2) / abs(slope) if slope else math.inf
    return GradientFlow(
        log_norms=log_norms, rate=math.exp(slope), half_life=half_life, r_squared=r_squared, verdict=verdict
    )
