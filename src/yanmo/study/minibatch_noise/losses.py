"""Losses that are means of a few batches' losses: quadratic, of two parameters and not convex, a small tanh network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..classification_tasks import digits_task

__all__ = ["BatchedLoss", "network_loss", "product_loss", "quadratic_loss"]


@dataclass(frozen=True, slots=True)
class BatchedLoss:
    """A loss and where to start.

    Attributes:
        title: Shown in tables and figures.
        batches: The loss of each batch, of one flat vector; the whole loss is their mean.
        start: Where the epoch begins, float64.
    """

    title: str
    batches: tuple[Callable[[Tensor], Tensor], ...]
    start: Float[Tensor, " n"]


def quadratic_loss(*, n_batches: int = 4, seed: int = 0) -> BatchedLoss:
    """Batches that curve in directions of their own around minima of their own, in three parameters."""
    generator = torch.Generator().manual_seed(seed)
    roots = torch.randn(n_batches, 3, 3, dtype=torch.float64, generator=generator)
    minima = torch.randn(n_batches, 3, dtype=torch.float64, generator=generator)

    def of_batch(i: int) -> Callable[[Tensor], Tensor]:
        return lambda x: (roots[i] @ (x - minima[i])).square().sum() / 2

    start = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)
    return BatchedLoss("quadratic", tuple(of_batch(i) for i in range(n_batches)), start)


def product_loss() -> BatchedLoss:
    """Batches ``(ab - y)^2 / 2`` whose targets ``y`` differ: the noise is there at every minimum of the mean."""

    def of_target(y: float) -> Callable[[Tensor], Tensor]:
        return lambda x: (x[0] * x[1] - y).square() / 2

    start = torch.tensor([1.8, 0.9], dtype=torch.float64)
    return BatchedLoss("(ab - y)^2 / 2", tuple(of_target(y) for y in (0.4, 0.8, 1.2, 1.6)), start)


def network_loss(*, n_batches: int = 4, n_examples: int = 20, hidden_width: int = 4, seed: int = 0) -> BatchedLoss:
    """Cross entropy of one hidden layer of tanh on handwritten digits, a few to a batch."""
    task = digits_task()
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(task.labels), generator=generator)[: n_batches * n_examples]
    inputs, labels = task.inputs[drawn].double(), task.labels[drawn]
    shapes = ((64, hidden_width), (hidden_width,), (hidden_width, 10), (10,))
    sizes = [torch.Size(shape).numel() for shape in shapes]

    def of_batch(i: int) -> Callable[[Tensor], Tensor]:
        own = slice(i * n_examples, (i + 1) * n_examples)

        def loss(x: Tensor) -> Tensor:
            w0, b0, w1, b1 = (part.view(shape) for part, shape in zip(x.split_with_sizes(sizes), shapes, strict=True))
            return F.cross_entropy((inputs[own] @ w0 + b0).tanh() @ w1 + b1, labels[own])

        return loss

    start = torch.randn(sum(sizes), dtype=torch.float64, generator=generator) / 4
    return BatchedLoss("tanh network", tuple(of_batch(i) for i in range(n_batches)), start)
