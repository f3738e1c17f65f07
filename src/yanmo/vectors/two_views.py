"""What the siamese methods share: two views in one batch, a distance, and both sides' vectors out."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

__all__ = ["TwoViews", "cosine_distance", "split_views"]


@dataclass(frozen=True, slots=True)
class TwoViews:
    """What a siamese network makes of a batch.

    Attributes:
        loss: Mean over the rows, between 0 and 2.
        vectors: The encoder's vectors of both views, without gradient.
        projections: The projections of both views, without gradient.
    """

    loss: Float[Tensor, ""]
    vectors: tuple[Float[Tensor, "batch width"], Float[Tensor, "batch width"]]
    projections: tuple[Float[Tensor, "batch projection"], Float[Tensor, "batch projection"]]


def cosine_distance(p: Float[Tensor, "batch width"], z: Float[Tensor, "batch width"]) -> Float[Tensor, ""]:
    """Returns ``mean (1 - cos(p, z))``; a row of zeros counts as 1 and has no NaN in its gradient.

    The papers leave the 1 out (SimSiam) or double it all (BYOL); with it, 0 is the best there is.

    Args:
        p: Predictions, [batch, width].
        z: What they should point to, [batch, width]; stop its gradient before, where it is to be stopped.

    Returns:
        Between 0 and 2.

    Example:
        >>> import torch
        >>> cosine_distance(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        tensor(1.)
    """
    return 1 - (F.normalize(p, dim=-1) * F.normalize(z, dim=-1)).sum(-1).mean()


def split_views(h: Float[Tensor, "both width"]) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch width"]]:
    """Splits the vectors of both views, first views first.

    Args:
        h: Vectors, [2 n, width].

    Returns:
        Those of the first views and those of the second, [n, width] each.

    Raises:
        InputError: The number of rows is odd, or there are fewer than 2 inputs: nothing is learned from one alone.

    Example:
        >>> import torch
        >>> [view.shape[0] for view in split_views(torch.zeros(6, 2))]
        [3, 3]
    """
    if len(h) % 2 or len(h) < 4:
        raise InputError(
            f"{len(h)} rows were given; two views of at least 2 inputs make an even number from 4 on",
            fix="give a larger batch, first all first views, then all second ones",
        )
    h0, h1 = h.chunk(2)
    return h0, h1
