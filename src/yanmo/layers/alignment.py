"""A matching head that compares each token with the tokens it attends to in the other text and gives one logit."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .dropout import Dropout
from .heads import interaction_features
from .norm import ConditionalLayerNorm, LayerNorm

__all__ = ["AlignmentHead"]


class AlignmentHead(nn.Module):
    """An MLP over aligned token comparisons and over the sentence features of ``InteractionHead``.

    With ``x_i`` the token vectors scaled to length ``sqrt(d)``, every token looks for its answer in the other text,

    ``a_i = sum_j softmax_j(s cos(P x_i, P x_j)) x_j`` over the ``j`` of the other side,

    is compared with it, ``f_i = gelu(W [x_i, a_i, |x_i - a_i|, x_i * a_i])``, and each side is the sum of its ``f_i``
    weighted by ``softmax_i(g f_i)``. Sum and absolute difference of the two sides join the sentence features. Names,
    numbers and places that one text has and the other lacks are what mean vectors blur and this keeps. Swapping the
    two texts changes nothing. As in ``InteractionHead``, the distance of the mean vectors is passed on beside the
    perceptron, whose last layer starts at zero: an untrained head ranks pairs exactly as their cosine does.

    Args:
        width: Size ``d`` of the hidden axis.
        inner_width: Size of ``f_i`` and of the perceptron's hidden layer.
        norm: Norm of the hidden layer, over ``inner_width``; a conditional one lets tasks weigh features differently.
        dropout_prob: Probability of dropping a component of the hidden layer while training.
        align_width: Rows of ``P``.
        sharpness: Where the learned ``s`` starts.

    Source: align, compare, aggregate is arXiv:1606.01933, the four comparisons arXiv:1609.06038; here over the states
    of a pretrained encoder and with cosines in place of inner products.
    """

    def __init__(
        self,
        width: int,
        *,
        inner_width: int,
        norm: LayerNorm | ConditionalLayerNorm,
        dropout_prob: float,
        align_width: int = 128,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        self.align = nn.Linear(width, align_width, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(sharpness))
        self.compare = nn.Linear(4 * width, inner_width)
        self.gate = nn.Linear(inner_width, 1, bias=False)
        self.hidden = nn.Linear(2 * width + 1 + 2 * inner_width, inner_width)
        self.norm = norm
        self.dropout = Dropout(dropout_prob)
        self.out = nn.Linear(inner_width, 1)
        self.distance = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.distance.weight, -1.0)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        condition: Float[Tensor, "batch condition"] | None,
        *,
        side: Int[Tensor, "batch seq"],
        mask: Bool[Tensor, "batch seq"],
        shift: Float[Tensor, "batch hidden"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Returns one logit a row, shape [batch]; ``shift`` as in ``interaction_features``."""
        sentence = interaction_features(x, side=side, mask=mask, shift=shift)
        x = F.normalize(x, dim=-1) * x.shape[-1] ** 0.5
        key = F.normalize(self.align(x), dim=-1)
        across = (side[:, :, None] != side[:, None, :]) & mask[:, None, :]
        score = self.sharpness * key @ key.transpose(1, 2)
        answer = score.masked_fill(~across, torch.finfo(score.dtype).min).softmax(-1) @ x
        compared = F.gelu(self.compare(torch.cat([x, answer, (x - answer).abs(), x * answer], -1)))
        weight = self.gate(compared).squeeze(-1)
        u, v = (_weighted_mean(compared, weight, mask & (side == i)) for i in (0, 1))
        hidden = F.gelu(self.hidden(torch.cat([sentence, u + v, (u - v).abs()], -1)))
        logit: Tensor = self.out(self.dropout(self.norm(hidden, condition))) + self.distance(sentence[:, -1:])
        return logit.squeeze(-1)


def _weighted_mean(
    x: Float[Tensor, "batch seq inner"], weight: Float[Tensor, "batch seq"], mask: Bool[Tensor, "batch seq"]
) -> Float[Tensor, "batch inner"]:
    share = weight.masked_fill(~mask, torch.finfo(weight.dtype).min).softmax(-1)
    return (share[:, None, :] @ x).squeeze(1)
