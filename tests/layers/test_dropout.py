import pytest
import torch
from torch import nn

from yanmo.layers.dropout import Dropout


@pytest.fixture
def ones():
    torch.manual_seed(0)
    return torch.ones(401, 499)


def test_a_share_is_dropped_and_the_rest_scaled_up_to_the_same_mean(ones):
    y = Dropout(0.1)(ones)
    kept = 1 - round(0.1 * 2**16) / 2**16
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / kept).item()}
    deviation = (0.1 * 0.9 / ones.numel()) ** 0.5
    assert abs((y == 0).double().mean().item() - 0.1) < 4 * deviation
    assert abs(y.double().mean().item() - 1) < 4 * deviation / 0.9


def test_neighbors_drop_out_independently_of_each_other(ones):
    """Four components share one random number."""
    dropped = (Dropout(0.3)(ones) == 0).flatten().double()
    for distance in range(1, 9):
        both = (dropped[distance:] * dropped[:-distance]).mean().item()
        assert abs(both - 0.09) < 4 * (0.09 * 0.91 / ones.numel()) ** 0.5


def test_what_is_dropped_has_no_gradient_and_the_rest_its_scale():
    torch.manual_seed(0)
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)  # 21: no multiple of four
    y = Dropout(0.4)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)
    assert 0 < (gradient == 0).sum() < x.numel()


def test_it_does_nothing_outside_training_or_at_zero_and_all_at_one():
    x = torch.randn(5, 3)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(5, 3))
    assert Dropout(0.999999)(x).isfinite().all()


def test_a_seed_repeats_it_and_the_next_call_differs(ones):
    torch.manual_seed(3)
    first, second = Dropout(0.2)(ones), Dropout(0.2)(ones)
    torch.manual_seed(3)
    assert torch.equal(Dropout(0.2)(ones), first)
    assert not torch.equal(first, second)


def test_it_keeps_the_type_and_takes_an_empty_tensor():
    assert Dropout(0.5)(torch.ones(4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert Dropout(0.5)(torch.ones(0, 4)).shape == (0, 4)
    assert isinstance(Dropout(0.5), nn.Dropout)  # what sets or looks for dropout finds it
