"""Smooth losses of one flat vector: a quadratic one, one of two parameters that is not convex, a small tanh network."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from sklearn.datasets import load_digits
from torch import Tensor

from .fields import Loss

__all__ = ["SmoothLoss", "TanhNetwork", "network_loss", "product_loss", "quadratic_loss"]


@dataclass(frozen=True, slots=True)
class SmoothLoss:
    """A loss and where to start.

    Attributes:
        title: Shown in tables and figures.
        loss: Of one flat vector.
        start: Where the step is taken, float64.
    """

    title: str
    loss: Loss
    start: Float[Tensor, " n"]


@dataclass(frozen=True, slots=True)
class TanhNetwork:
    """A perceptron with one hidden layer of tanh, which has derivatives of every order; its weights are one vector.

    Attributes:
        input_width: Components of an input.
        hidden_width: Hidden units.
        n_classes: Outputs.
    """

    input_width: int
    hidden_width: int
    n_classes: int

    def logits(self, x: Float[Tensor, " n"], inputs: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch classes"]:
        """Computes the outputs.

        Args:
            x: All weights.
            inputs: One row an example.

        Returns:
            One row an example.
        """
        shapes = self._shapes()
        parts = x.split_with_sizes([rows * columns for rows, columns in shapes])
        w0, b0, w1, b1 = (part.view(shape) for part, shape in zip(parts, shapes, strict=True))
        return torch.addmm(b1, torch.addmm(b0, inputs, w0).tanh(), w1)

    def draw(self, generator: torch.Generator, *, dtype: torch.dtype = torch.float32) -> Float[Tensor, " n"]:
        """Draws weights: normal, of variance 1 / (inputs of the unit); biases are zero.

        Args:
            generator: Draws them, in float64.
            dtype: Of the result.

        Returns:
            All weights.
        """
        parts = []
        for rows, columns in self._shapes():
            drawn = torch.randn(rows, columns, dtype=torch.float64, generator=generator) / rows**0.5
            parts.append((drawn if rows > 1 else torch.zeros_like(drawn)).flatten())
        return torch.cat(parts).to(dtype)

    def _shapes(self) -> tuple[tuple[int, int], ...]:
        return (
            (self.input_width, self.hidden_width),
            (1, self.hidden_width),
            (self.hidden_width, self.n_classes),
            (1, self.n_classes),
        )


def quadratic_loss() -> SmoothLoss:
    """``1/2 x^T A x`` with eigenvalues 0.2, 1 and 4 that lie along no axis."""
    basis, _ = torch.linalg.qr(torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]], dtype=torch.float64))
    matrix = basis @ torch.diag(torch.tensor([0.2, 1.0, 4.0], dtype=torch.float64)) @ basis.mT
    start = torch.tensor([1.0, -0.5, 0.8], dtype=torch.float64)
    return SmoothLoss("quadratic, 3 parameters", lambda x: x @ matrix @ x / 2, start)


def product_loss() -> SmoothLoss:
    """``1/2 (a b - 1)^2``: every point of ``a b = 1`` is a minimum, of sharpness ``a^2 + b^2``, flattest at (1, 1).

    The flow keeps ``a^2 - b^2``; a step of gradient descent multiplies it by ``1 - rate^2 (a b - 1)^2``.
    """
    start = torch.tensor([2.4, -0.6], dtype=torch.float64)
    return SmoothLoss("(ab - 1)² / 2, 2 parameters", lambda x: (x[0] * x[1] - 1) ** 2 / 2, start)


def network_loss(*, n_examples: int = 100) -> SmoothLoss:
    """Cross-entropy of a tanh network with 8 hidden units on scikit-learn's first digits, at weights from seed 0.

    Args:
        n_examples: Digits.

    Returns:
        The loss.
    """
    pixels, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(pixels[:n_examples] / 16)
    targets = torch.from_numpy(labels[:n_examples].astype(np.int64))
    network = TanhNetwork(input_width=64, hidden_width=8, n_classes=10)
    start = network.draw(torch.Generator().manual_seed(0), dtype=torch.float64)
    return SmoothLoss(
        f"tanh network, {len(start)} parameters", lambda x: F.cross_entropy(network.logits(x, inputs), targets), start
    )
