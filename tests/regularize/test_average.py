import pytest
import torch

from yanmo.errors import InputError
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


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        ({"0.weight": torch.zeros(2, 2)}, "lacks '1.weight'"),
        ({"0.weight": torch.zeros(2, 2), "1.weight": torch.zeros(1, 2), "bias": torch.zeros(1)}, "has 'bias'"),
        ({"0.weight": torch.zeros(2, 2), "1.weight": torch.zeros(1)}, r"'1\.weight' has the shape \[1\].*\[1, 2\]"),
    ],
)
def test_a_saved_average_is_taken_over_whole_or_not_at_all(saved, word):
    """The last would be broadcast."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 1, bias=False))
    average = WeightAverage(model, decay=0.9)
    before = {name: value.clone() for name, value in average.values.items()}
    with pytest.raises(InputError, match=word):
        average.load(saved)
    assert all(torch.equal(value, before[name]) for name, value in average.values.items())


def test_autocast_sees_the_average():
    model = torch.nn.Linear(2, 1)
    average = WeightAverage(model, decay=0.9)
    with torch.no_grad():
        model.weight.add_(1)
    x = torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        live = model(x).item()
        with average.in_place():
            held = model(x).item()
        assert live - held == pytest.approx(2, abs=0.05)
        assert model(x).item() == live
        average.keep()
        assert model(x).item() == held
