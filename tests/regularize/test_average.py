import pytest
import torch

from yanmo.regularize import WeightAverage


def _model():
    model = torch.nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    return model


def test_it_follows_the_recursion_and_leaves_out_what_does_not_learn():
    model = _model()
    average = WeightAverage(model, decay=0.5)
    expected = model.weight.detach().clone()
    for step in range(1, 6):
        with torch.no_grad():
            model.weight += step
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    assert set(average.values) == {"weight"}
    torch.testing.assert_close(average.values["weight"], expected)


def test_it_is_in_place_for_a_block_only_even_after_an_error():
    model = _model()
    average = WeightAverage(model, decay=0.9)
    live = model.weight.detach().clone() + 1
    with torch.no_grad():
        model.weight.copy_(live)
    held = average.values["weight"].clone()
    seen = []

    def fail():
        with average.in_place():
            seen.append(model.weight.detach().clone())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.equal(seen[0], held)
    assert torch.equal(model.weight, live)
    assert torch.equal(average.values["weight"], held)
    average.keep()
    assert torch.equal(model.weight, held)
