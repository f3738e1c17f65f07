import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import predictor_head, projector_head


def _batch_normed(x):
    return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()


def test_the_projector_is_the_formula_of_the_paper():
    head = projector_head(6, hidden_width=8, out_width=5).double()
    x = torch.randn(16, 6, dtype=torch.float64)
    first, second, third = (part.weight for part in head if isinstance(part, nn.Linear))
    h = _batch_normed(x @ first.T).relu()
    h = _batch_normed(h @ second.T).relu()
    torch.testing.assert_close(head(x), _batch_normed(h @ third.T))
    assert not any(part.bias is not None for part in head if isinstance(part, nn.Linear))


def test_components_keep_their_variance_whatever_is_learned():
    head = projector_head(6, hidden_width=8, out_width=5, n_layers=2)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.requires_grad:
                parameter.mul_(7.0)
    z = head(torch.randn(64, 6) * 100)
    torch.testing.assert_close(z.std(0, unbiased=False), torch.ones(5), atol=1e-3, rtol=0)
    torch.testing.assert_close(z.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    assert [p.requires_grad for p in head[-1].parameters()] == [False, False]


def test_a_norm_of_each_row_needs_no_batch():
    head = projector_head(6, hidden_width=8, out_width=5, norm=nn.LayerNorm)
    x = torch.randn(3, 6)
    torch.testing.assert_close(head(x)[:1], head(x[:1]))


def test_the_predictor_ends_with_a_plain_linear_map():
    head = predictor_head(6, hidden_width=3).double()
    x = torch.randn(10, 6, dtype=torch.float64)
    h = _batch_normed(x @ head[0].weight.T).relu()
    torch.testing.assert_close(head(x), h @ head[3].weight.T + head[3].bias)


@pytest.mark.parametrize("n_layers", [1, 2, 4])
def test_as_many_layers_as_asked_for(n_layers):
    head = projector_head(6, hidden_width=8, out_width=5, n_layers=n_layers)
    assert sum(isinstance(part, nn.Linear) for part in head) == n_layers
    assert head(torch.randn(4, 6)).shape == (4, 5)


def test_no_layer_is_refused():
    with pytest.raises(InputError, match="0 layers was asked for, expected at least 1"):
        projector_head(6, hidden_width=8, out_width=5, n_layers=0)
