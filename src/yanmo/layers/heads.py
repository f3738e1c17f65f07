"""From token vectors of a pair to one logit: maps of one vector, and a perceptron that compares two sides."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .dropout import Dropout
from .norm import ConditionalLayerNorm, LayerNorm
from .pooling import mean_pool

__all__ = ["ClassificationHead", "InteractionHead", "MeanHead", "PooledHead", "interaction_features"]


class MeanHead(nn.Module):
    """One linear map of the mean of all token vectors of the pair, as in the article's baseline.

    Args:
        width: Size of the hidden axis.
        dropout_prob: Probability of dropping a component while training.

    Source: kexue.fm/archives/8337. Its sibling ``PooledHead`` reads the first token, as BERT's own classifiers do.
    """

    def __init__(self, width: int, *, dropout_prob: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout_prob)
        self.out = nn.Linear(width, 1)

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        condition: Float[Tensor, "batch condition"] | None,  # noqa: ARG002 - this head has no norm to condition
        *,
        side: Int[Tensor, "batch seq"],  # noqa: ARG002
        mask: Bool[Tensor, "batch seq"],
    ) -> Float[Tensor, " batch"]:
        """Returns one logit a row, shape [batch]."""
        logit: Tensor = self.out(self.dropout(mean_pool(x, mask)))
        return logit.squeeze(-1)


class PooledHead(nn.Module):
    """One linear map of the first token's vector, the form that classifiers of transformers can take.

    Args:
        width: Size of the hidden axis.
        dropout_prob: Probability of dropping a component while training.

    Its siblings are ``ClassificationHead``, with a layer more, ``MeanHead``, which reads all tokens, and
    ``InteractionHead``, which looks at both sides.
    """

    def __init__(self, width: int, *, dropout_prob: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout_prob)
        self.out = nn.Linear(width, 1)

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        condition: Float[Tensor, "batch condition"] | None,  # noqa: ARG002 - this head has no norm to condition
        *,
        side: Int[Tensor, "batch seq"],  # noqa: ARG002
        mask: Bool[Tensor, "batch seq"],  # noqa: ARG002
    ) -> Float[Tensor, " batch"]:
        """Returns one logit a row, shape [batch]."""
        logit: Tensor = self.out(self.dropout(x[:, 0]))
        return logit.squeeze(-1)


class ClassificationHead(nn.Module):
    """The head that cross-encoders come with: ``out(tanh(dense(x)))`` of the first token's vector ``x``.

    transformers' sequence classifiers of BERT, where the dense layer is called the pooler, of RoBERTa and of XLM-R all
    compute this, so that a matcher can take over the head of such a base unchanged and start from the base's own logit.

    Args:
        width: Size of the hidden axis.
        dropout_prob: Probability of dropping a component of the hidden layer while training.

    Source: arXiv:1810.04805 and 1907.11692. Its sibling ``PooledHead`` is one linear map of the same vector.
    """

    def __init__(self, width: int, *, dropout_prob: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.dropout = Dropout(dropout_prob)
        self.out = nn.Linear(width, 1)

    def forward(
        self,
        x: Float[Tensor, "batch seq hidden"],
        condition: Float[Tensor, "batch condition"] | None,  # noqa: ARG002 - this head has no norm to condition
        *,
        side: Int[Tensor, "batch seq"],  # noqa: ARG002
        mask: Bool[Tensor, "batch seq"],  # noqa: ARG002
    ) -> Float[Tensor, " batch"]:
        """Returns one logit a row, shape [batch]."""
        logit: Tensor = self.out(self.dropout(torch.tanh(self.dense(x[:, 0]))))
        return logit.squeeze(-1)


class InteractionHead(nn.Module):
    """A perceptron over how the two sides' mean vectors agree, with their distance passed on beside it.

    The features are those of ``interaction_features``. The weight of the distance starts at -1 and the perceptron's
    last layer at zero, so that an untrained head ranks pairs exactly as the cosine of their mean vectors does: training
    goes on from what the encoder knows.

    Args:
        width: Size of the hidden axis.
        inner_width: Size of the perceptron's hidden layer.
        norm: Norm of the hidden layer, over ``inner_width``; a conditional one lets tasks weigh features differently.
        dropout_prob: Probability of dropping a component of the hidden layer while training.

    Its sibling ``AlignmentHead`` compares token by token.
    """

    def __init__(
        self, width: int, *, inner_width: int, norm: LayerNorm | ConditionalLayerNorm, dropout_prob: float
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(2 * width + 1, inner_width)
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
        features = interaction_features(x, side=side, mask=mask, shift=shift)
        hidden = self.norm(F.gelu(self.hidden(features)), condition)
        logit: Tensor = self.out(self.dropout(hidden)) + self.distance(features[:, -1:])
        return logit.squeeze(-1)


def interaction_features(
    x: Float[Tensor, "batch seq hidden"],
    *,
    side: Int[Tensor, "batch seq"],
    mask: Bool[Tensor, "batch seq"],
    shift: Float[Tensor, "batch hidden"] | None = None,
) -> Float[Tensor, "batch features"]:
    """How the mean vectors of the two sides agree.

    With ``u``, ``v`` the unit vectors of the two pooled sides and ``d`` the width, the features are
    ``sqrt(d) |u - v|``, ``d u * v`` and ``sqrt(d) (1 - cos(u, v))``: about unit size each, so that none is drowned at
    the start. The distance ``1 - cos`` rather than the cosine, because pretrained encoders keep all cosines near 1 and
    the constant would act as a second bias.

    Args:
        x: Token vectors, [batch, seq, hidden].
        side: 0 for tokens of the first text, 1 for those of the second, [batch, seq].
        mask: True where there is a token, [batch, seq].
        shift: Added to ``v``, [batch, hidden], where the second side has another part than the first; without it the
            features of a pair and of the pair swapped are the same.

    Returns:
        Features, [batch, 2 hidden + 1], the distance last.

    Source: arXiv:1908.10084 and 1705.02364, here on states that may have seen each other.
    """
    u, v = (F.normalize(mean_pool(x, mask & (side == i)), dim=-1) for i in (0, 1))
    if shift is not None:
        v = v + shift
    scale = x.shape[-1] ** 0.5
    distance = scale * (1 - (u * v).sum(-1, keepdim=True))
    return torch.cat([scale * (u - v).abs(), scale**2 * u * v, distance], -1)
