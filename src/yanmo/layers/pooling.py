"""Mean pooling: from one vector per token to one vector per text."""

from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["mean_pool"]


def mean_pool(x: Float[Tensor, "batch seq hidden"], mask: Bool[Tensor, "batch seq"]) -> Float[Tensor, "batch hidden"]:
    """Averages the vectors of the kept tokens; a row that keeps none gives zeros.

    Args:
        x: Token vectors, [batch, seq, hidden].
        mask: True where a token counts, [batch, seq].

    Returns:
        One vector a row, [batch, hidden].

    Example:
        >>> import torch
        >>> mean_pool(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """
    keep = mask.to(x.dtype)
    # A product with the mask rather than a masked fill: one pass, and its gradient is one pass too.
    return (keep.unsqueeze(1) @ x).squeeze(1) / keep.sum(-1, keepdim=True).clamp(min=1.0)
