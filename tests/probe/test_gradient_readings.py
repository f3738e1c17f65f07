"""Per-layer norms against autograd's own, and flooding's duty cycle."""

import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.probe import flooding_duty, layer_gradient_norms


def test_norms_are_those_of_all_parameters_of_a_layer():
    model = nn.ModuleDict({"net": nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 1)]), "head": nn.Linear(1, 2)})
    model["head"].bias.requires_grad_(False)
    loss = model["head"](model["net"][1](torch.tanh(model["net"][0](torch.randn(4, 3))))).square().sum()
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    by_hand = dict(zip(learning, torch.autograd.grad(loss, list(learning.values()), retain_graph=True), strict=True))
    assert layer_gradient_norms(model) == {}
    loss.backward()
    found = layer_gradient_norms(model)
    assert list(found) == ["net.0", "net.1", "head"]
    for layer, norm in found.items():
        whole = torch.cat([g.flatten() for name, g in by_hand.items() if name.startswith(layer + ".")])
        assert norm == pytest.approx(whole.norm().item(), rel=1e-5)


def test_the_duty_cycle_of_a_loss_that_hovers():
    assert flooding_duty([1.0, 0.9], level=0.5) == 0
    assert flooding_duty([0.1, 0.5, 0.9, 0.2], level=0.5) == 0.5
    assert flooding_duty(iter([0.1, 0.9]), level=0.5) == 0.5
    for none in ([], iter([])):
        with pytest.raises(InputError, match="no loss"):
            flooding_duty(none, level=0.5)
