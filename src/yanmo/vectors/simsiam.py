"""SimSiam: two views of an input, a predictor on one side, and no gradient through the other."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .two_views import TwoViews, cosine_distance, split_views

__all__ = ["SimSiam"]


class SimSiam(nn.Module):
    """``l = (D(p0, stop(z1)) + D(p1, stop(z0))) / 2`` with ``z = projector(encoder(x))``, ``p = predictor(z)``.

    The encoder only moves by way of the predictor, whose weights fit first; in the linear model of the article
    ``theta^2 - phi^2`` is conserved and theta ends away from zero. Without the stop the conserved quantity is negative
    and theta ends at zero. With the stop but no predictor the gradient is half that of the loss without the stop.

    Args:
        encoder: A batch of inputs to one vector each.
        projector: Vectors to projections.
        predictor: Projections to predictions; ``nn.Identity()`` to see what becomes of SimSiam without one.
        target: What is done to the side that is predicted: stops its gradient; to see what becomes of SimSiam without
            it, hand in the identity.

    Example:
        >>> from yanmo.layers import predictor_head, projector_head
        >>> heads = projector_head(6, hidden_width=8, out_width=8), predictor_head(8, hidden_width=2)
        >>> model = SimSiam(nn.Linear(4, 6), projector=heads[0], predictor=heads[1])
        >>> bool(0 <= model(torch.randn(32, 4)).loss <= 2)
        True

    Source: kexue.fm/archives/7980, arXiv:2011.10566. Its sibling ``Byol`` predicts what an average of it makes.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        projector: nn.Module,
        predictor: nn.Module,
        target: Callable[[Tensor], Tensor] = torch.detach,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.predictor = predictor
        self._target = target

    def forward(self, views: object) -> TwoViews:
        """Compares two views.

        Args:
            views: A batch for the encoder of 2n rows: one view of n inputs, then another of the same in the same
                order. Norms of the projector and predictor see each view by itself.

        Returns:
            The loss, and the vectors and projections to read collapse from.

        Raises:
            InputError: There are not two views of at least 2 inputs.
        """
        h0, h1 = split_views(self.encoder(views))
        z0, z1 = self.projector(h0), self.projector(h1)
        p0, p1 = self.predictor(z0), self.predictor(z1)
        loss = (cosine_distance(p0, self._target(z1)) + cosine_distance(p1, self._target(z0))) / 2
        return TwoViews(loss, (h0.detach(), h1.detach()), (z0.detach(), z1.detach()))
