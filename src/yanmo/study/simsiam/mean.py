"""The article's open question: does ``|F(T(x)) - F(mean of T(x))|^2`` collapse?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...layers import predictor_head, projector_head
from ...vectors.two_views import TwoViews, cosine_distance
from .inputs import SiameseTask, augmented, digits
from .runs import SiamesePlan, Trace, watch

__all__ = ["MEAN_FORMS", "MeanForm", "train_against_mean"]

_N_VIEWS = 8
_WIDTH = 128


def _squared(p: Tensor, z: Tensor) -> Tensor:
    return (p - z).square().sum(-1).mean() / 2


def _live(z: Tensor) -> Tensor:
    return z


@dataclass(frozen=True, slots=True)
class MeanForm:
    """One way to compare a view with the mean of the views.

    Attributes:
        title: In tables and figures.
        distance: Of predictions and targets, a mean over the rows.
        target: What is done to ``F(mean of T(x))``.
        has_projector: Whether ``F`` ends with a projector, whose last norm no batch can shrink.
        has_predictor: Whether a predictor follows on the view's side.
    """

    title: str
    distance: Callable[[Tensor, Tensor], Tensor]
    target: Callable[[Tensor], Tensor] = _live
    has_projector: bool = True
    has_predictor: bool = False


MEAN_FORMS = {
    "squared": MeanForm("squared, as asked", _squared, has_projector=False),
    "squared_stopped": MeanForm("squared, stop", _squared, torch.detach, has_projector=False),
    "cosine": MeanForm("cosine + norm", cosine_distance),
    "cosine_stopped": MeanForm("cosine + norm, stop", cosine_distance, torch.detach),
    "cosine_predicted": MeanForm("cosine + norm, stop, predictor", cosine_distance, torch.detach, has_predictor=True),
}
"""What is compared, by the name in the JSON; the first is the question."""


def train_against_mean(form: MeanForm, task: SiameseTask, *, plan: SiamesePlan, seed: int) -> Trace:
    """Trains the digits' network to give a view what it gives to the mean of eight views.

    The mean is that of the images, pixel by pixel, of other views than the one compared.

    Args:
        form: How they are compared.
        task: The digits.
        plan: How it is trained.
        seed: Decides the network, the images and the views.

    Returns:
        The run; ``vectors`` are the encoder's, ``projections`` what is compared.
    """
    torch.manual_seed(seed)
    images, _ = digits()
    encoder = task.build()
    projector: nn.Module = nn.Identity()
    predictor: nn.Module = nn.Identity()
    if form.has_projector:
        projector = projector_head(task.width, hidden_width=_WIDTH, out_width=_WIDTH)
    if form.has_predictor:
        predictor = predictor_head(_WIDTH, hidden_width=_WIDTH // 4)
    learning = [p for part in (encoder, projector, predictor) for p in part.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=plan.rate, momentum=0.9, weight_decay=plan.weight_decay)
    rng = np.random.default_rng(seed)

    def step() -> TwoViews:
        batch = images[torch.from_numpy(rng.choice(task.n_inputs, plan.batch_size, replace=False))]
        mean = torch.stack([augmented(batch, rng) for _ in range(_N_VIEWS)]).mean(0)
        h0, h1 = encoder(torch.cat([augmented(batch, rng), mean])).chunk(2)
        z0, z1 = projector(h0), projector(h1)
        loss = form.distance(predictor(z0), form.target(z1))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        return TwoViews(loss.detach(), (h0.detach(), h1.detach()), (z0.detach(), z1.detach()))

    quality = task.quality
    return watch(step, n_steps=plan.n_steps, quality=None if quality is None else lambda: quality(encoder))
