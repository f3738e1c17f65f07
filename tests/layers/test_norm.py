import pytest
import torch

from yanmo.errors import InputError
from yanmo.layers import ConditionalLayerNorm, LayerNorm


@pytest.mark.parametrize("width", [8, 12, 384])
@pytest.mark.parametrize("axes", [(), (3,), (3, 2)])
def test_zero_maps_are_bit_identical_to_the_plain_norm(width, axes):
    plain, conditional = LayerNorm(width), ConditionalLayerNorm(width, condition_width=5)
    for norm in (plain, conditional):
        torch.manual_seed(1)
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    x = 3 * torch.randn(4, *axes, width)
    assert torch.equal(conditional(x, torch.randn(4, 5)), plain(x, None))


def test_formula_row_by_row():
    norm = ConditionalLayerNorm(6, condition_width=3, eps=1e-5).double()
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    x, condition = torch.randn(2, 4, 6).double(), torch.randn(2, 3).double()
    y = norm(x, condition)
    for i in range(2):
        for j in range(4):
            row = x[i, j]
            variance = ((row - row.mean()) ** 2).mean()
            weight = norm.weight + norm.weight_map @ condition[i]
            bias = norm.bias + norm.bias_map @ condition[i]
            expected = weight * (row - row.mean()) / (variance + 1e-5).sqrt() + bias
            torch.testing.assert_close(y[i, j], expected)


def test_a_condition_is_never_ignored_nor_guessed():
    with pytest.raises(InputError, match="plain LayerNorm was given a condition"):
        LayerNorm(4)(torch.randn(1, 4), torch.randn(1, 2))
    with pytest.raises(InputError, match="no condition"):
        ConditionalLayerNorm(4, condition_width=2)(torch.randn(1, 4), None)


def test_constant_row_has_finite_gradient():
    norm = ConditionalLayerNorm(4, condition_width=2, eps=1e-12)
    x = torch.full((1, 4), 7.0, requires_grad=True)
    norm(x, torch.ones(1, 2)).sum().backward()
    assert torch.isfinite(x.grad).all()
