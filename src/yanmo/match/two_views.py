"""What the siamese methods share: two views in one batch, a distance, and both sides' vectors out."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["TwoViews", "cosine_distance"]


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
