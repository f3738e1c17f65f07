"""BYOL: a predictor of what a slow average of the network makes of the other view."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..regularize import WeightAverage
from .two_views import TwoViews, cosine_distance, split_views

__all__ = ["Byol"]


class Byol(nn.Module):
    """``l = (D(p0, z1') + D(p1, z0')) / 2`` with ``z' = projector'(encoder'(x))`` by averaged weights.

    The average is no second network: the same modules run with its weights. Norms over the batch keep one set of
    running statistics, which training does not read. The average moves when ``update`` is called, after every
    optimizer step; its decay rises to ``decay`` (see ``WeightAverage``) where the paper raises it to 1 by a cosine.

    Args:
        encoder: A batch of inputs to one vector each.
        projector: Vectors to projections.
        predictor: Projections to predictions.
        decay: Largest share of the old average that a step keeps.

    Example:
        >>> from yanmo.layers import predictor_head, projector_head
        >>> heads = projector_head(6, hidden_width=8, out_width=8, n_layers=2), predictor_head(8, hidden_width=8)
        >>> model = Byol(nn.Linear(4, 6), projector=heads[0], predictor=heads[1], decay=0.99)
        >>> bool(0 <= model(torch.randn(32, 4)).loss <= 2)
        True

    Source: arXiv:2006.07733. Its sibling ``SimSiam`` is what is left at ``decay`` 0.
    """

    def __init__(self, encoder: nn.Module, *, projector: nn.Module, predictor: nn.Module, decay: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.predictor = predictor
        self._decay = decay
        self._averages: tuple[WeightAverage, WeightAverage] | None = None

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
        encoder, projector = self._average()
        with torch.no_grad():
            target0, target1 = (
                functional_call(self.projector, projector.values, (h,))
                for h in split_views(functional_call(self.encoder, encoder.values, (views,)))
            )
        h0, h1 = split_views(self.encoder(views))
        z0, z1 = self.projector(h0), self.projector(h1)
        loss = (cosine_distance(self.predictor(z0), target1) + cosine_distance(self.predictor(z1), target0)) / 2
        return TwoViews(loss, (h0.detach(), h1.detach()), (z0.detach(), z1.detach()))

    def update(self, step: int) -> None:
        """Moves the average towards the weights after optimizer step ``step``, counted from 1."""
        for average in self._average():
            average.update(step)

    def average_values(self) -> dict[str, Tensor]:
        """Returns the averaged weights by name, to be kept with a checkpoint."""
        encoder, projector = self._average()
        return {f"encoder.{name}": value for name, value in encoder.values.items()} | {
            f"projector.{name}": value for name, value in projector.values.items()
        }

    def load_average(self, values: Mapping[str, Tensor]) -> None:
        """Takes over averaged weights that ``average_values`` gave."""
        for part, average in zip(("encoder.", "projector."), self._average(), strict=True):
            average.load({name.removeprefix(part): value for name, value in values.items() if name.startswith(part)})

    def _average(self) -> tuple[WeightAverage, WeightAverage]:
        # Made at first use: by then the network is on its device, and what is frozen is frozen.
        if self._averages is None:
            self._averages = (
                WeightAverage(self.encoder, decay=self._decay),
                WeightAverage(self.projector, decay=self._decay),
            )
        return self._averages
