import math

import pytest
import torch

from yanmo.fit.matching.losses import focal_loss, weighted_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_the_formula(smoothing):
    logits, labels, weight = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]), torch.tensor([3.0, 3.0])
    loss = weighted_cross_entropy(logits, labels, weight, smoothing=smoothing)
    for z, y, got in zip(logits.tolist(), labels.tolist(), loss.tolist(), strict=True):
        p, target = 1 / (1 + math.exp(-z)), y * (1 - smoothing) + smoothing / 2
        assert got == pytest.approx(-3 * target * math.log(p) - (1 - target) * math.log(1 - p), rel=1e-5)


def test_focal_loss_fades_by_the_formula_and_gamma_zero_is_plain():
    logits, labels, weight = torch.randn(20), (torch.rand(20) > 0.5).float(), torch.ones(20)
    plain = weighted_cross_entropy(logits, labels, weight, smoothing=0.0)
    torch.testing.assert_close(focal_loss(logits, labels, weight, gamma=0.0), plain)
    right = torch.where(labels > 0, logits.sigmoid(), 1 - logits.sigmoid())
    torch.testing.assert_close(focal_loss(logits, labels, weight, gamma=2.0), (1 - right) ** 2 * plain)


def test_very_large_logits_stay_finite():
    logits = torch.tensor([1e4, -1e4], requires_grad=True)
    focal_loss(logits, torch.tensor([0.0, 1.0]), torch.ones(2), gamma=2.0).sum().backward()
    assert torch.isfinite(logits.grad).all()
