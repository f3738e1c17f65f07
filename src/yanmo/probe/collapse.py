"""Whether vectors that should differ have become alike: collapse, read from one batch."""

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = ["CollapseLimits", "CollapseReading", "CollapseVerdict", "collapse_reading"]

# Total variance of unit vectors below which there is nothing but rounding.
_NOTHING = 1e-12

# So many times the limit of a low rank must fit into a batch for a low rank to be the vectors' doing, and so many rows
# make clumps.
_ROOM = 4
_CLUMP_ROWS = 16


class CollapseVerdict(str, Enum):
    """Vectors differ; are all the same; differ along little more than one line, or than a few; or gather in clumps."""

    HEALTHY = "healthy"
    CONSTANT = "constant"
    RANK_ONE = "rank-one"
    LOW_RANK = "low-rank"
    CLUSTERED = "clustered"


@dataclass(frozen=True, slots=True)
class CollapseLimits:
    """Limits below which a batch of vectors counts as collapsed.

    Attributes:
        std: Below it the batch is constant. About ``sqrt(1 - mean cosine)``, so that 0.1 is a mean cosine of 0.99.
        effective_rank: Below it the batch is rank-one. 1 is a line, 2 a plane used evenly; runs seen to collapse swing
            between 1.1 and 1.9, healthy ones stay above 5 (study simsiam).
        low_rank: Effective rank below which the batch is low-rank, where rows and components leave room for four times
            as much: three directions of sixty-four. Those same healthy runs never fell below 5.1.
        neighbor_ratio: Below it a batch of 16 rows and more is clustered: ten classes of which only the class is left.
            Those healthy runs never fell below 0.19. Texts that stand in a batch twice look like that, too.
    """

    std: float = 0.1
    effective_rank: float = 2.0
    low_rank: float = 4.0
    neighbor_ratio: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.std < 1:
            raise InputError(f"the limit of std is {self.std}, expected between 0 and 1", fix="take 0.1")
        if not self.effective_rank > 1:
            raise InputError(
                f"the limit of the effective rank is {self.effective_rank}, expected above 1, that of a line",
                fix="take 2.0",
            )
        if not 0 <= self.neighbor_ratio < 1:
            raise InputError(
                f"the limit of the neighbor ratio is {self.neighbor_ratio}, expected from 0 to 1",
                fix="take 0.1, or 0 to look for no clumps",
            )


@dataclass(frozen=True, slots=True)
class CollapseReading:
    """How different the vectors of one batch are, each scaled to length 1.

    Attributes:
        std: Standard deviation of a component, mean over components, times ``sqrt(width)``: 0 for a constant batch,
            about 1 when isotropic, but still 0.8 for a rank-one one.
        effective_rank: ``exp`` of the entropy of the principal components' shares of the variance: 1 on a line, 0 where
            nothing varies, at most the smaller of width and batch - 1.
        uniformity: ``log mean exp(-2 |u_i - u_j|^2)`` over pairs of different rows: 0 for a constant batch, lower is
            more even, about -4 when isotropic and wide.
        neighbor_ratio: Mean over rows of the distance to the nearest other row over the mean distance to all others:
            near 1 when isotropic and wide, near 0 when rows gather in clumps.
        alignment: Mean ``|u - v|^2`` over rows and their partners; None without partners.
        verdict: Whether that is a collapse.
    """

    std: float
    effective_rank: float
    uniformity: float
    neighbor_ratio: float
    alignment: float | None
    verdict: CollapseVerdict

    @property
    def collapsed(self) -> bool:
        """Whether the verdict is a collapse."""
        return self.verdict is not CollapseVerdict.HEALTHY

    def readings(self, name: str) -> dict[str, float]:
        """Returns the numbers under ``collapse/<name>_``, as trackers take them."""
        numbers = {
            "std": self.std,
            "effective_rank": self.effective_rank,
            "uniformity": self.uniformity,
            "neighbor_ratio": self.neighbor_ratio,
        } | ({} if self.alignment is None else {"alignment": self.alignment})
        return {f"collapse/{name}_{key}": value for key, value in numbers.items()}


@torch.no_grad()
def collapse_reading(
    vectors: Float[Tensor, "batch width"],
    *,
    partners: Float[Tensor, "batch width"] | None = None,
    limits: CollapseLimits | None = None,
) -> CollapseReading:
    """Measures whether the vectors of unrelated inputs in a batch have collapsed.

    Constant if ``std`` is below its limit; otherwise rank-one or low-rank if the effective rank is below theirs;
    otherwise clustered if nearest rows are far nearer than rows are on average. The rank is that of the
    vectors about their mean; of two vectors, which always differ along a line, it is that of the vectors themselves.
    A vector of zeros keeps its place at the origin. Variances rather than singular values are shared out (here we
    depart from arXiv:2210.02885): a hundred directions of noise then do not hide that one carries everything.

    Args:
        vectors: One row an input, [batch, width], of any length; at least 2 rows, better 32 or more.
        partners: Vectors of other views of the same inputs, [batch, width].
        limits: Where collapse begins; None takes the defaults.

    Returns:
        The reading.

    Raises:
        InputError: There are fewer than 2 rows, a width of 0, another number of axes, partners of another shape, or a
            number is not finite.

    Example:
        >>> line = torch.randn(64, 1) @ torch.randn(1, 32)
        >>> collapse_reading(line).verdict.value, collapse_reading(torch.randn(64, 32)).verdict.value
        ('rank-one', 'healthy')

    Source: kexue.fm/archives/7980; arXiv:2011.10566 (std), 2005.10242 (alignment, uniformity).
    """
    limits = limits or CollapseLimits()
    if vectors.ndim != 2:
        raise InputError(
            f"vectors of shape {list(vectors.shape)} were given, [batch, width] was expected",
            fix="pool the tokens of each input into one vector first",
        )
    if partners is not None and partners.shape != vectors.shape:
        raise InputError(
            f"partners of shape {list(partners.shape)} came with vectors of shape {list(vectors.shape)}",
            fix="give one partner for every vector",
        )
    n, width = vectors.shape
    if n < 2 or not width:
        raise InputError(
            f"a batch of {n} vectors of width {width} was given; collapse is read from at least 2 vectors",
            fix="read it from a larger batch",
        )
    unit = _unit(vectors)
    centered = unit - unit.mean(0)
    std = centered.square().mean(0).sqrt().mean().item() * width**0.5
    rank = _effective_rank(centered if n > 2 else unit)
    if centered.square().sum() <= _NOTHING * n:
        rank = 0.0
    # Not through the Gram matrix: its rounding would make equal rows differ by 1e-8.
    distance = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
    other = ~torch.eye(n, dtype=torch.bool)
    apart = distance[other].view(n, n - 1)
    mean = apart.mean(1)
    nearest = torch.where(mean > 0, apart.amin(1) / mean.clamp(min=torch.finfo(mean.dtype).tiny), 0.0)
    ratio = nearest.mean().item()
    return CollapseReading(
        std=std,
        effective_rank=rank,
        uniformity=apart.square().mul(-2).exp().mean().log().item(),
        neighbor_ratio=ratio,
        alignment=None if partners is None else (unit - _unit(partners)).square().sum(1).mean().item(),
        verdict=_verdict(n, width, limits, std=std, rank=rank, neighbor_ratio=ratio),
    )


def _verdict(
    n: int, width: int, limits: CollapseLimits, *, std: float, rank: float, neighbor_ratio: float
) -> CollapseVerdict:
    room = min(n - 1, width)
    if std < limits.std:
        return CollapseVerdict.CONSTANT
    # Few rows or components cannot have a high rank: there, collapse is what is within a hundredth of a line.
    if rank < (limits.effective_rank if room > limits.effective_rank else 1.01):
        return CollapseVerdict.RANK_ONE
    if rank < limits.low_rank and room >= _ROOM * limits.low_rank:
        return CollapseVerdict.LOW_RANK
    if neighbor_ratio < limits.neighbor_ratio and n >= _CLUMP_ROWS:
        return CollapseVerdict.CLUSTERED
    return CollapseVerdict.HEALTHY


def _unit(vectors: Tensor) -> Float[Tensor, "batch width"]:
    x = vectors.detach().to(device="cpu", dtype=torch.float64)
    if not torch.isfinite(x).all():
        raise InputError("the vectors hold a NaN or an infinity", fix="stop the run: it has diverged")
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / torch.where(length > 0, length, 1.0)


def _effective_rank(x: Float[Tensor, "batch width"]) -> float:
    share = torch.linalg.svdvals(x).square()
    total = share.sum()
    if total <= 0:
        return 0.0
    share = share / total
    return float(torch.special.entr(share).sum().exp())
