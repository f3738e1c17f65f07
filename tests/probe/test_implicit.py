import pytest
import torch

from yanmo.errors import InputError
from yanmo.probe import implicit_regularization, layer_gradient_norms, optimizer_caveat


def test_two_rates_are_one_rate_in_scaled_coordinates():
    """x = sqrt(r) u: descent of rate r in x is descent of rate 1 in u, whose reading is |dL/du|^2 / 4."""
    a, b = torch.nn.Parameter(torch.tensor([0.5, -1.0])), torch.nn.Parameter(torch.tensor(2.0))
    unused = torch.nn.Parameter(torch.zeros(3))
    (a.sin().sum() * b.exp()).backward()
    optimizer = torch.optim.SGD([{"params": [a, unused], "lr": 0.3}, {"params": [b], "lr": 0.05}])
    u, v = (a.detach() / 0.3**0.5).requires_grad_(), (b.detach() / 0.05**0.5).requires_grad_()
    g = torch.autograd.grad(((0.3**0.5 * u).sin().sum() * (0.05**0.5 * v).exp()), [u, v])
    expected = sum(part.square().sum().item() for part in g) / 4
    assert implicit_regularization(optimizer) == pytest.approx(expected, rel=1e-5)


def test_it_predicts_where_a_finite_rate_ends_up():
    """On L = x^2 / 2 a step of rate r is the exact flow of a quadratic of curvature -log(1 - r)/r, 1 + r/2 + ..."""
    x, r = torch.nn.Parameter(torch.tensor(1.5)), 1e-2
    (x.square() / 2).backward()
    curvature = -torch.log1p(torch.tensor(-r, dtype=torch.float64)).item() / r
    reading = implicit_regularization(torch.optim.SGD([x], lr=r))
    assert reading == pytest.approx((curvature - 1) * 1.5**2 / 2, rel=r)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1), None),
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "momentum 0.9"),
        (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.1), "weight decay"),
        (lambda p: torch.optim.AdamW(p), "AdamW does not step by rate"),
    ],
)
def test_other_optimizers_get_a_word(make, word):
    caveat = optimizer_caveat(make([torch.zeros(1, requires_grad=True)]))
    assert caveat is None if word is None else word in caveat


def test_a_scalers_factor_is_taken_out():
    """Before ``unscale_`` |g|^2 is too large by the factor's square."""
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    loss = model(torch.tensor([3.0, 4.0])).sum()
    scaler.scale(loss).backward()  # the gradients are x and 1
    norm = 26**0.5
    assert implicit_regularization(optimizer, factor=scaler.get_scale()) == pytest.approx(0.1 / 4 * 26)
    assert layer_gradient_norms(model, factor=scaler.get_scale()) == {"weight": 5.0 * 1.0, "bias": 1.0}
    scaler.unscale_(optimizer)
    assert implicit_regularization(optimizer) == pytest.approx(0.1 / 4 * norm**2)
    for read, what in ((implicit_regularization, optimizer), (layer_gradient_norms, model)):
        with pytest.raises(InputError, match=r"the factor is 0\.0, a number above 0"):
            read(what, factor=0.0)
