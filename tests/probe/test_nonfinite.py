import torch
from torch import nn

from yanmo.probe import first_nonfinite


class _Root(nn.Module):
    def forward(self, x):
        return x.log()


def _model():
    return nn.Sequential(nn.Linear(2, 2), nn.Sequential(_Root(), nn.ReLU()), nn.Linear(2, 1))


def test_the_first_output_that_is_not_finite_is_named_and_no_hook_stays():
    model, x = _model(), torch.ones(1, 2)
    with torch.no_grad():
        model[0].weight.fill_(-1.0)  # the logarithm of a negative number
        model[0].bias.zero_()
    assert first_nonfinite(model, lambda: model(x)) == "the output of '1.0' (_Root)"
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.isnan(model(x)).any()


def test_weights_come_first_and_a_sound_model_has_none():
    model, x = _model(), torch.ones(1, 2)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.zero_()
    assert first_nonfinite(model, lambda: model(x)) is None
    with torch.no_grad():
        model[2].weight[0, 1] = float("inf")
    assert first_nonfinite(model, lambda: model(x)) == "the weight '2.weight'"
    assert first_nonfinite(_Root(), lambda: None) is None
    alone = _Root()
    assert first_nonfinite(alone, lambda: alone(-x)) == "the model's output"
